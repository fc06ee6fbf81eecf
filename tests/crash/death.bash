# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, the FAM emulator authors
# shellcheck shell=bash
#
# The bodies of death.bats; see crash.bash. Four writers commit to fabric f: one in
# the node `doorbell`, one in the node `plain`, the host's `file` and `served`, which
# has the fabric from the server. An act is "OBJECT DEED": what is done to whom.
# shellcheck disable=SC2119 # functions whose options are not needed here

# shellcheck source=tests/crash/crash.bash
[[ -n ${dir+set} ]] || source "${BASH_SOURCE[0]%/*}/crash.bash"
# shellcheck source=tests/crash/deeds.bash
source "${BASH_SOURCE[0]%/*}/deeds.bash"

readonly WRITERS=(doorbell plain file served) # at its index: the area of each
# Longer than any of them may be silent once all is mended.
readonly PATIENCE=20
# Since nobody who waits has to notice a server that is away for less than 5 s.
readonly AWAY_MS=4000
# Entries of the tape; without a death an area has an acknowledgement in each 15.
readonly SILENCE=100

# How each one writes, beside what all do.
declare -rA manner=([doorbell]='--pause 3000' [plain]='--pause 2000 --group 4'
	[file]='--pause 4000 --copy' [served]='--pause 4000')

writer_options=()               # of this run
lives=0 longest=0
declare -A pid=() log=() known=() # of host writers; of nodes'; error lines read
declare -a acks_of=() silent_of=() plan=()

ctl() {
	"$CRASH_TOOLS/fam-ctl" /run/fam/f.sock.ctl "$@" 2>/dev/null
}

server_is() { # KEY
	ctl status | sed -n "s/^$1 //p"
}

# --- the plan ------------------------------------------------------------------

# Sets $second to what may happen besides an act: never to the same object, and who
# is to tell of a frozen server must live. Not by output: a subshell's random numbers
# cannot be had again.
second_act() { # OBJECT DEED
	local act
	local -a others=()
	for act in 'server killed' 'doorbell killed' 'plain killed' 'doorbell writer' \
		'plain writer' 'file writer' 'served writer'; do
		[[ $act != "$1 "* ]] || continue
		[[ "$1 $2" != 'server frozen' || $act == @(file|served)* ]] || continue
		others+=("$act")
	done
	second=${others[RANDOM % ${#others[@]}]}
}

# make_plan ROUNDS ACT...: all acts come before one comes again; with about every
# third one something else happens. Each entry is "MOMENT ACT[,ACT]", so many records
# after the last round. Made beforehand, since others draw random numbers, too.
make_plan() {
	local rounds=$1 i act second=''
	local -a deck=()
	shift
	RANDOM=$((seed & 0x7fff))
	plan=()
	while ((${#plan[@]} < rounds)); do
		((${#deck[@]} > 0)) || deck=("$@")
		i=$((RANDOM % ${#deck[@]}))
		act=${deck[i]}
		deck=("${deck[@]:0:i}" "${deck[@]:i+1}")
		if ((RANDOM % 3 == 0)) && [[ $act != all* ]]; then
			second_act "${act% *}" "${act#* }"
			act+=,$second
		fi
		plan+=("$((RANDOM % 100 + 1)) $act")
	done
}

# --- who writes ----------------------------------------------------------------

is_node() { # WRITER
	[[ $1 == doorbell || $1 == plain ]]
}

area_of() { # WRITER
	local i
	for i in "${!WRITERS[@]}"; do
		[[ ${WRITERS[i]} != "$1" ]] || printf '%d\n' "$i"
	done
}

node_boot() { # NODE
	case $1 in
	doorbell) guest_start "$1" -d "$mnt/f.fam:/run/fam/f.sock" ;;
	plain) guest_start "$1" -f "$mnt/f.fam" ;;
	esac
	known[$1]=0
}

# Each life of a writer has another series of records, and in a node another log.
writer_begin() { # WRITER
	local -a options
	read -ra options <<<"${manner[$1]} ${writer_options[*]}"
	((lives += 1))
	options+=(--area "$(area_of "$1")" --seed $((seed + lives)))
	if is_node "$1"; then
		# The order of the names is that of the lives.
		printf -v "log[$1]" 'life%06d' "$lives"
		guest_begin "$1" "${log[$1]}" "${options[@]}" f
		return
	fi
	local fabric=$mnt/f.fam
	[[ $1 == file ]] || fabric=server:f
	"$CRASH_TOOLS/fam-writer" --ack "$dir/marks" "${options[@]}" "$fabric" >>"$dir/$1.log" 2>&1 &
	pid[$1]=$!
}

writer_log() { # WRITER
	if is_node "$1"; then
		vm_exec "$1" 'cat /tmp/life*'
	else
		cat "$dir/$1.log"
	fi
}

# All errors that were not looked at yet, as "WRITER: error ERRNO TEXT".
new_errors() {
	local writer
	local -a lines
	for writer in "${WRITERS[@]}"; do
		mapfile -t lines < <(writer_log "$writer" | sed -n '/^error/p')
		lines=("${lines[@]:${known[$writer]:-0}}")
		((${#lines[@]} == 0)) || printf "$writer: %s\n" "${lines[@]}"
		known[$writer]=$((${known[$writer]:-0} + ${#lines[@]}))
	done >"$dir/errors"
}

# Nodes may have waited in vain for a server, host programs need none.
check_errors() {
	local line
	new_errors
	while read -r line; do
		if ((away_ms < AWAY_MS)) || [[ $line != @(doorbell|plain):\ error\ @(107|110)\ * ]]; then
			die "the server was away for $away_ms ms, and $line"
		fi
	done <"$dir/errors"
}

# --- how they fare -------------------------------------------------------------

# Sets acks_of, and keeps the longest silence of each area in silent_of.
take_pulse() {
	local -a words
	local i
	read -ra words < <(disk pulse)
	for ((i = 0; i < ${#words[@]}; i += 3)); do
		acks_of[words[i]]=${words[i + 1]}
		((words[i + 2] <= ${silent_of[words[i]]:-0})) || silent_of[words[i]]=${words[i + 2]}
	done
}

have_risen() { # BY WRITER...; above $goal
	local writer by=$1 i
	take_pulse
	for writer in "${@:2}"; do
		i=$(area_of "$writer")
		((${acks_of[i]:-0} >= ${goal[i]:-0} + by)) || return
	done
}

# rise BY WRITER...: until each of them has acknowledged so many records more.
rise() {
	local -a goal
	take_pulse
	goal=("${acks_of[@]}")
	wait_until "$PATIENCE" have_risen "$@" || die "in $PATIENCE s not $1 of each of ${*:2}:" \
		"${goal[*]}, now ${acks_of[*]}" "$(show_writers)"
}

show_writers() {
	local writer
	for writer in "${WRITERS[@]}"; do
		printf '\n%s: ' "$writer"
		writer_log "$writer" 2>&1 | tail -n 3
	done
	printf '\nserver:\n'
	ctl flush
}

# --- the run -------------------------------------------------------------------

# The longest silence of those that were not hit themselves.
note_silence() { # ACTS
	local i most=0
	take_pulse
	for i in "${!WRITERS[@]}"; do
		[[ ",$1" != *",${WRITERS[i]} "* && $1 != all* ]] || continue
		((silent_of[i] <= most)) || most=${silent_of[i]}
	done
	printf '%s: the others were silent for %d ms at most\n' "$1" "$most"
	# Then they are to be.
	[[ $1 != *'server frozen'* ]] || return 0
	((most <= longest)) || longest=$most
}

round() { # MOMENT ACTS
	local act
	local -a acts words
	rise "$1" file
	away_ms=0
	take_pulse
	silent_of=()
	IFS=, read -ra acts <<<"$2"
	for act in "${acts[@]}"; do
		read -ra words <<<"$act"
		hit "${words[@]}"
	done
	# Without its server a node with a doorbell does not boot.
	[[ ${acts[1]:-} != server* ]] || acts=("${acts[1]}" "${acts[0]}")
	for act in "${acts[@]}"; do
		read -ra words <<<"$act"
		mend "${words[@]}"
	done
	rise 20 "${WRITERS[@]}"
	note_silence "$2"
	check_errors
}

world_up() { # WRITER-OPTION...
	local writer
	writer_options=("$@")
	disk_up
	fabric f --prepare
	server_begin
	# Shown if the test fails.
	ln -s /run/fam/f.sock.log "$dir/server.log"
	for writer in doorbell plain; do
		node_boot "$writer"
	done
	disk_record
	for writer in "${WRITERS[@]}"; do
		writer_begin "$writer"
	done
	rise 20 "${WRITERS[@]}"
}

has_ended() { # WRITER
	if is_node "$1"; then
		guest_says "$1" "${log[$1]}" '^end '
	else
		tail -n 1 "$dir/$1.log" | grep -q '^end '
	fi
}

# Nobody hangs: told to end, each one does.
writers_end() {
	local writer
	kill -TERM "${pid[@]}"
	for writer in doorbell plain; do
		vm_exec "$writer" 'killall fam-writer'
	done
	for writer in "${WRITERS[@]}"; do
		wait_until "$PATIENCE" has_ended "$writer" || die "'$writer' does not end $(show_writers)"
	done
}

report() {
	local act acks=0 i
	take_pulse
	for i in "${acks_of[@]}"; do
		((acks += i))
	done
	printf '%d rounds, %d records acknowledged (%s); at most %d ms of silence\n' \
		"${#plan[@]}" "$acks" "${acks_of[*]}" "$longest"
	for act in "${!hits[@]}"; do
		printf '%s: %d times\n' "$act" "${hits[$act]}"
	done | sort
}

deaths() { # ROUNDS ACT...
	local entry
	make_plan "$@"
	for entry in "${plan[@]}"; do
		round "${entry%% *}" "${entry#* }"
	done
	report
}

deaths_keep() { # ROUNDS
	world_up
	deaths "$1" 'server killed' 'server hounded' 'server lost' 'server stopped' \
		'server replaced' 'server frozen' 'doorbell killed' 'doorbell writer' \
		'doorbell frozen' 'plain killed' 'plain writer' 'file writer' \
		'served writer' 'all killed'
	output=$(famctl show-fabric "$mnt/f.fam" --json)
	[[ $(jq -r .failed <<<"$output") == null ]] || die "a healthy disk is said to fail: $output"
	# As it is, then as if the power had been cut.
	writers_end
	crash_end_all 2>/dev/null
	replay --at end --model all
	assert_there
	replay --silence "$SILENCE"
	assert_kept
}

# Of one cut there are not more acknowledgements than slots.
assert_there() {
	((acks > 500 && lost == 0 && unreadable == 0)) || die "$lost of $acks records are not there"
}

deaths_lose() { # ROUNDS
	world_up --no-persist
	deaths "$1" 'server killed' 'doorbell writer' 'plain writer' 'file writer' 'served writer'
	crash_end_all 2>/dev/null
	CRASH_CUTS=5 replay
	assert_lost
}
