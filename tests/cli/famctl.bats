#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors

export BATS_TEST_TIMEOUT=60
load ../lib/fabric.bash

dir='' # set by fabric_setup
name='' # of a fabric of a test in the fabric directory

setup() {
	name=''
	fabric_setup
}

teardown() {
	[[ -z $name ]] || famctl destroy-fabric --force "$name"
	fabric_teardown
}

@test "help lists every command, on stdout" {
	fam_run famctl --help
	for command in create-fabric list-fabrics show-fabric sync-fabric clear-errors destroy-fabric \
		check-fabric list-regions show-region map-fabric trim-fabric \
		create-node list-nodes start-node stop-node destroy-node make-bundle \
		start-server list-servers list-peers ping stop-server; do
		assert_output -r "  $command +[a-z]"
		fam_run famctl "$command" --help
		assert_output "usage: famctl $command"
		fam_run famctl --help
	done
	assert "nothing is said on stderr" test -z "${stderr?}"
}

@test "help of a command without a terminal prints its options" {
	fam_run famctl help create-fabric
	assert_output '--sparse'
	fam_run -2 famctl help nonsense
	assert_stderr "famctl: unknown command 'nonsense'"
}

@test "the version is printed" {
	fam_run famctl --version
	assert_output -r '^famctl [0-9]+\.[0-9]+\.[0-9]+$'
}

@test "usage errors: two lines on stderr, status 2" {
	fam_run -2 "$FAM_BUILD/bin/famctl"
	assert_stderr -x $'famctl: no command is given\nhint: famctl --help lists the commands'
	fam_run -2 famctl create-fabrics 1G
	assert_stderr -x $'famctl: unknown command \'create-fabrics\'\nhint: famctl --help lists the commands'
	fam_run -2 famctl list-fabrics --nope
	assert_stderr -x $'famctl: unknown option \'--nope\'\nhint: famctl list-fabrics --help lists the options'
	fam_run -2 famctl --nope list-fabrics
	assert_stderr "famctl: unknown option '--nope'"
	fam_run -2 famctl list-fabrics --dir
	assert_stderr "famctl: option '--dir' needs a value"
}

@test "global options stand before the command or behind it" {
	make_fabric f
	fam_run famctl --json list-fabrics --dir "$dir"
	assert_json '.[0].name == "f"'
	fam_run famctl list-fabrics --dir "$dir" --json
	assert_json '.[0].name == "f"'
}

@test "with --json an error is JSON too, its text still on stderr" {
	fam_run -3 famctl --json show-fabric nosuch --dir "$dir"
	assert_json '.error.exit_status == 3'
	assert_json '.error.message | contains("nosuch")'
	assert_json '.error.hint | type == "string"'
	assert_stderr "famctl: cannot open fabric 'nosuch'"
}

@test "an error about words that are not UTF-8 is still JSON" {
	fam_run -2 famctl --json create-fabric $'16M\xff'
	assert_json '.error.exit_status == 2'
}

@test "output that cannot be written is a failure" {
	make_fabric f
	# shellcheck disable=SC2016 # the inner shell expands
	fam_run -1 bash -c '"$@" >/dev/full' - "$FAM_BUILD/bin/famctl" list-fabrics --dir "$dir"
	assert_stderr 'famctl: cannot write the output: No space left on device'
	fam_run -1 bash -c '"$@" >/dev/full' - "$FAM_BUILD/bin/famctl" --help
	# shellcheck disable=SC2016 # the inner shell expands
	fam_run bash -c 'set -o pipefail; "$@" 2>"$0" | true; ((PIPESTATUS[0] <= 1))' \
		"$dir/err" "$FAM_BUILD/bin/famctl" list-fabrics --dir "$dir"
}

@test "colour only where it is wanted" {
	FAMCTL_COLOR=always fam_run -2 famctl nonsense
	assert_stderr $'\e[1;31mfamctl:'
	FAMCTL_COLOR=never fam_run -2 famctl nonsense
	refute_stderr $'\e['
	fam_run -2 famctl nonsense
	refute_stderr $'\e[' 'stderr is no terminal'
}

@test "completion offers commands, options and fabrics" {
	export XDG_DATA_HOME=$dir PATH=$FAM_BUILD/bin:$PATH
	# Completes the words given and prints what is offered, one a line.
	complete_words() {
		# shellcheck disable=SC2034 # read by the completion
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		_famctl
		printf '%s\n' "${COMPREPLY[@]}"
	}
	unset -f famctl
	# shellcheck source=famctl/famctl.bash
	source "$BATS_TEST_DIRNAME/../../famctl/famctl.bash"
	fam_run complete_words famctl create-
	assert_output -x $'create-fabric\ncreate-node'
	fam_run complete_words famctl --json create-fabric --sp
	assert_output -x '--sparse'
	fam_run complete_words famctl help show
	assert_output -x $'show-fabric\nshow-region'
	name=compl-$BASHPID
	famctl create-fabric 16M "$name" >/dev/null
	for command in show-fabric clear-errors stop-server list-peers; do
		fam_run complete_words famctl "$command" "${name%?}"
		assert_output -x "$name"
	done
}
