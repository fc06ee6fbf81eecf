# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
# Completion for fam: all words come from the program itself.

# The words that begin with what was typed, one in a line, quoted for the shell.
_fam_reply() {
	local word=${COMP_WORDS[COMP_CWORD]} line
	while IFS= read -r line; do
		[[ $line == "$word"* || $line == "$(printf '%b' "${word//\\/}")"* ]] || continue
		printf -v line '%q' "$line"
		COMPREPLY+=("$line")
	done
}

# What stands behind the first word of kv and heap; uses fabric and heap.
_fam_of_heap() { # COMMAND:ACTION:AT
	case $1 in
	heap:create:*) ;;
	heap:*:1)
		_fam_reply < <(fam "${fabric[@]}" ls -r 2>/dev/null)
		;;
	kv:put:1 | kv:get:1 | kv:list:1 | kv:export:1 | kv:rm:*)
		_fam_reply < <(fam "${fabric[@]}" kv list "${heap[@]}" 2>/dev/null)
		;;
	esac
}

_fam() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' action='' at=0 i
	local -a fabric=() heap=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-f | --fabric)
			fabric=(-f "${COMP_WORDS[i + 1]}")
			((i++))
			;;
		--heap)
			heap=(--heap "${COMP_WORDS[i + 1]}")
			((i++))
			;;
		-*) ;;
		*)
			((at != 0)) || action=${COMP_WORDS[i]}
			[[ -n $command ]] && ((++at)) || command=${COMP_WORDS[i]}
			;;
		esac
	done
	COMPREPLY=()
	if [[ $before == -f || $before == --fabric ]]; then
		_fam_reply < <(fam list 2>/dev/null | awk 'NR > 1 { print $NF; if ($2 != "-") print $4 }')
	elif [[ -z $command ]]; then
		_fam_reply < <(fam complete)
	elif [[ $word == -* ]]; then
		_fam_reply < <(fam complete "$command")
	elif [[ $before == --region || $before == --heap ]]; then
		_fam_reply < <(fam "${fabric[@]}" ls -r 2>/dev/null)
	else
		case $command:$at in
		kv:0 | heap:0 | bench:0)
			_fam_reply < <(fam complete "$command" action)
			;;
		kv:* | heap:*)
			_fam_of_heap "$command:$action:$at"
			;;
		ls:0 | du:0 | stat:* | rm:* | mv:* | resize:0 | get:0 | put:1 | chmod:[1-9]* | chown:[1-9]*)
			_fam_reply < <(fam "${fabric[@]}" ls -r 2>/dev/null)
			;;
		esac
	fi
}
complete -o default -F _fam fam
