# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
# Completion for famctl: all words come from the program itself.
_famctl() {
	local word=${COMP_WORDS[COMP_CWORD]} command='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --connect) ((i++)) ;;
		-*) ;;
		*) command=${COMP_WORDS[i]} && break ;;
		esac
	done
	local ask=()
	if [[ -z $command || $command == help ]]; then
		ask=(complete)
	elif [[ $word == -* ]]; then
		ask=(complete "$command")
	elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --fabric || $command == *-fabric ||
		$command == *-server || $command == list-peers ||
		$command == list-regions || $command == show-region ||
		$command == clear-errors ]]; then
		ask=(complete fabrics)
	elif [[ $command == *-node ]]; then
		ask=(complete nodes)
	fi
	((${#ask[@]})) || return 0
	mapfile -t COMPREPLY < <(compgen -W "$(famctl "${ask[@]}" 2>/dev/null)" -- "$word")
}
complete -o default -F _famctl famctl
