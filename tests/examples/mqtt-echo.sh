# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/examples/mqtt-echo beside brokers: Debian's mosquitto, which is started here and killed in
# the middle, and one that misbehaves as it is told (broker.py). Books balance whatever happens: each
# message has ended in one way, and so has each promise. Usage: mqtt-echo.sh MQTT_ECHO
. "$(dirname "$0")/../walk/walk.sh"
here=$(dirname "$script")
PATH=$PATH:/usr/sbin
socket=$folder/socket
log=$folder/log

# echoes OPTION...
echoes() {
	"$program" --json --socket "$socket" "$@" >"$json" 2>"$told"
	status=$?
}

# balanced MESSAGES: the problems of the books of the last run
balanced() {
	if [ ! -s "$json" ]; then
		echo "there are no totals"
		cat "$told"
		return
	fi
	expect messages "$(field messages)" "$1"
	expect "ends of messages" \
		$(($(field echoed) + $(field failed) + $(field timed_out) + \
			$(field cancelled))) "$1"
	for kind in acknowledgements echoes; do
		expect "ends of $kind" $(($(field ${kind}_completed) + $(field ${kind}_failed) + \
			$(field ${kind}_late) + $(field ${kind}_unanswered))) \
			"$(field ${kind}_promised)"
		expect "$kind that are waited for" "$(field ${kind}_waiting)" 0
	done
	expect "promises of acknowledgements" "$(field acknowledgements_promised)" \
		"$(field published)"
	[ "$(field echoes_promised)" -ge "$(field published)" ] ||
		echo "messages were sent whose echo nobody waits for"
	[ "$(field most_at_once)" -le "$(field limit)" ] || echo "too many at once"
}

# all_came MESSAGES: the problems of a run in which all is as it should be
all_came() {
	balanced "$1"
	expect status $status 0
	expect stderr "$(cat "$told")" ""
	for count in echoed published acknowledgements_completed echoes_completed; do
		expect $count "$(field $count)" "$1"
	done
	expect unexpected "$(field acknowledgements_unexpected) $(field echoes_unexpected)" "0 0"
	expect abandoned "$(field abandoned)" false
}

# until_said WORD [TIMES]: reads what a broker says on descriptor 3 until it has said so
until_said() {
	times=${2:-1}
	while [ "$times" -gt 0 ]; do
		read -r line <&3 || return
		case $line in *"$1"*) times=$((times - 1)) ;; esac
	done
}

# with BROKER COMMAND...: starts a broker, waits for it, has the command run, sees that both end
with() {
	rm -f "$socket" said # of one that is not quite gone
	mkfifo said
	case $1 in
	mosquitto) mosquitto -c mosquitto.conf >said 2>&1 3<&- & ;;
	*) python3 "$here/broker.py" "$socket" $1 >said 2>"$log" 3<&- & ;;
	esac
	broker=$!
	trap 'kill -s KILL $broker 2>/dev/null' EXIT # also where a check breaks off
	exec 3<said
	case $1 in
	mosquitto) until_said ' running' || echo "mosquitto did not start" ;;
	*full*) until_said port || cat "$log" ;;
	*) until_said ready || cat "$log" ;;
	esac
	shift
	"$@"
	kill "$broker" 2>/dev/null
	cat <&3 >/dev/null
	exec 3<&-
	wait "$broker" 2>/dev/null
}

# ---- a real broker ----

cat >mosquitto.conf <<-END
	listener 0 $socket
	allow_anonymous true
	persistence false
	log_dest stderr
	log_type all
END
# As root it would become somebody who may write nothing here.
[ "$(id -u)" -ne 0 ] || echo "user root" >>mosquitto.conf

# came MESSAGES OPTION...
came() {
	messages=$1
	shift
	cat <&3 >/dev/null & # what the broker says, or it would stop
	echoes --count "$messages" "$@" 3<&-
	all_came "$messages"
}

# killed SIGNAL: the broker dies when a hundred messages have come, of a hundred thousand
killed() {
	"$program" --json --socket "$socket" --count 100000 >"$json" 2>"$told" 3<&- &
	until_said 'Received PUBLISH' 100
	kill -s "$1" "$broker"
	cat <&3 >/dev/null
	wait $!
	status=$?
	expect status $status 1
	balanced 100000
	expect timed_out "$(field timed_out)" 0
	expect cancelled "$(field cancelled)" 0
	[ "$(field echoed)" -gt 0 ] && [ "$(field failed)" -gt 0 ] || echo "it was not in the middle"
	[ "$(field published)" -ge 100 ] && [ "$(field published)" -lt 100000 ] ||
		echo "$(field published) were published"
	expect late "$(field acknowledgements_late) $(field echoes_late)" "0 0"
	grep -qxE "mqtt-echo: $(field failed) messages failed: (The connection was lost.|Broken .*)" \
		"$told" || cat "$told"
	expect abandoned "$(field abandoned)" false
}

if command -v mosquitto >/dev/null; then
	check "each message is acknowledged and comes back" "$(with mosquitto came 2000)"
	check "so it is one at a time" "$(with mosquitto came 200 --limit 1)"
	check "so it is with many at a time" "$(with mosquitto came 2000 --limit 100)"
	check "a broker that is killed in the middle fails every promise that is left" \
		"$(with mosquitto killed KILL)"
	check "so does one that ends" "$(with mosquitto killed TERM)"
else
	skip "each message is acknowledged and comes back" "no broker: mosquitto not found"
	skip "a broker that is killed in the middle fails every promise" "mosquitto not found"
fi

# ---- no broker ----

check "no broker at all is told" "$(
	rm -f "$socket"
	echoes
	expect status $status 3
	expect stdout "$(cat "$json")" ""
	expect stderr "$(cat "$told")" \
		"mqtt-echo: cannot connect to $socket: No such file or directory")"

# ---- brokers that misbehave ----

# refused WHY: it could not be done
refused() {
	echoes --count 10
	expect status $status 3
	expect stdout "$(cat "$json")" ""
	expect stderr "$(cat "$told")" "mqtt-echo: cannot $1"
}

# slow WHY: the same, by the time-out. On a busy machine the first step may be the one.
slow() {
	echoes --count 10 --connect-ms 100
	expect status $status 3
	grep -qxE "mqtt-echo: cannot (connect to|$1) $socket: Connection timed out" "$told" ||
		cat "$told"
}

# The second of the last one may come when we have left. Of acknowledgements libmosquitto tells the
# first.
twice() {
	echoes --count 100
	balanced 100
	expect status $status 0
	expect echoed "$(field echoed)" 100
	expect acknowledgements_unexpected "$(field acknowledgements_unexpected)" 0
	[ "$(field echoes_unexpected)" -ge 99 ] || echo "$(field echoes_unexpected) echoes unexpected"
}

# silent: what is never echoed is given up, and counted so
silent() {
	echoes --count 30 --limit 10 --wait-ms 20
	balanced 30
	expect status $status 1
	expect timed_out "$(field timed_out)" 30
	expect published "$(field published)" 30
	expect echoes_unanswered "$(field echoes_unanswered)" 30
	[ "$1" = acknowledges ] ||
		expect acknowledgements_unanswered "$(field acknowledgements_unanswered)" 30
	expect stderr "$(cat "$told")" "mqtt-echo: 30 messages timed out"
	expect most_at_once "$(field most_at_once)" 10
	expect abandoned "$(field abandoned)" false
}

# What is held until the last message has come: by then the others were given up, one by one.
late() {
	echoes --count 5 --limit 1 --wait-ms 20
	balanced 5
	expect status $status 1
	[ "$(field timed_out)" -ge 4 ] || echo "only $(field timed_out) timed out"
	for kind in acknowledgements echoes; do
		expect "$kind that were too late, or never came" "$(($(field ${kind}_late) + \
			$(field ${kind}_unanswered) + $(field ${kind}_completed)))" 5
	done
}

# dies ANSWERED SENT: so many are answered, so many sent when the connection ends, of a hundred
dies() {
	echoes --count 100 --limit 10
	balanced 100
	expect status $status 1
	expect echoed "$(field echoed)" "$1"
	expect failed "$(field failed)" $((100 - $1))
	expect published "$(field published)" "$2"
	expect acknowledgements_failed "$(field acknowledgements_failed)" $(($2 - $1))
	expect late "$(field acknowledgements_late) $(field echoes_late)" "0 0"
	expect stderr "$(cat "$told")" "mqtt-echo: $((100 - $1)) messages failed: $3"
}

# interrupted SIGNAL: ten messages are under way then, and nothing will ever answer them
interrupted() {
	env --default-signal=INT,TERM "$program" --json --socket "$socket" --count 1000 --limit 10 \
		>"$json" 2>"$told" 3<&- &
	until_said received
	kill -s "$1" $!
	wait $!
	expect status $? 130
	balanced 1000
	expect interrupted "$(field interrupted)" true
	expect cancelled "$(field cancelled)" 1000
	expect published "$(field published)" 10
	expect unanswered "$(field acknowledgements_unanswered) $(field echoes_unanswered)" "10 10"
	expect stderr "$(cat "$told")" ""
	expect abandoned "$(field abandoned)" false
}

# A signal that was there before: the program is in the middle of connecting, which never ends.
hung() {
	python3 -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
os.kill(os.getpid(), signal.SIGINT)
os.execv(sys.argv[1], sys.argv[1:])
' "$program" --json --host 127.0.0.1 --port "${line#port }" --count 10 >"$json" 2>"$told" 3<&-
	expect status $? 130
	balanced 10
	expect cancelled "$(field cancelled)" 10
	expect published "$(field published)" 0
	expect abandoned "$(field abandoned)" true
}

if python3 -c '' 2>/dev/null; then
	check "a broker that answers as it should" "$(with "" came 500)"
	check "one that sends everything twice: the second is counted, and nobody's" \
		"$(with "puback=2 echo=2" twice)"
	check "one that does not let us in" "$(
		with "connack=5" refused "connect to $socket: Connection Refused: not authorised.")"
	check "one that lets nobody subscribe" "$(
		with "suback=128" refused "subscribe at $socket: Permission denied")"
	check "one that does not answer to CONNECT" "$(with "connack=-1" slow "connect to")"
	check "one that does not answer to SUBSCRIBE" "$(with "suback=-1" slow "subscribe at")"
	check "one that closes in place of an answer to CONNECT" "$(
		with "connack=-2" refused "connect to $socket: The connection was lost.")"
	check "one that closes in place of an answer to SUBSCRIBE" "$(
		with "suback=-2" refused "subscribe at $socket: The connection was lost.")"
	check "one that answers to nothing: every wait ends at its deadline" "$(
		with "until=0" silent never)"
	check "one that acknowledges and sends nothing back" "$(with "echo=0" silent acknowledges)"
	check "one that sends back what only looks like it" "$(
		with "echo=0 noise=1" silent acknowledges)"
	check "F4 answers that come late change nothing, and are counted" "$(with "from=4" late)"
	check "one that closes: each promise that is left has the exception" "$(
		with "until=26 die=35" dies 25 35 "The connection was lost.")"
	check "one that closes before it has answered anything" "$(
		with "until=0 die=10" dies 0 10 "The connection was lost.")"
	check "one that talks nonsense" "$(
		with "until=26 garbage=35" dies 25 35 \
			"A network protocol error occurred when communicating with the broker.")"
	check "SIGINT cancels what is under way and what is not, and leaves in order" "$(
		with "until=0 tell=10" interrupted INT)"
	check "SIGTERM too" "$(with "until=0 tell=10" interrupted TERM)"
	check "a connect that hangs is cancelled, and left behind" "$(with "full=1" hung)"
else
	skip "brokers that misbehave" "python3 not found"
fi

# ---- output and usage ----

# usage TOLD ARGUMENT...: wrong, and told so on stderr; nothing is started
usage() {
	wrong=$1
	shift
	"$program" "$@" >words 2>"$told"
	expect "status of $*" $? 2
	expect stdout "$(cat words)" ""
	grep -qF -- "$wrong" "$told" || cat "$told"
	grep -qx 'mqtt-echo: try --help' "$told" || echo "--help is not told of"
}
check "wrong usage is told" "$(
	usage "--port: '65536' is not a number from 1 to 65535" --port 65536
	usage "--count: '1000001' is not a number from 1 to 1000000" --count 1000001
	usage "--limit: '101' is not a number from 1 to 100" --limit 101
	usage "--connect-ms: '3600001' is not a number from 1 to 3600000" --connect-ms 3600001
	usage "--wait-ms: '0' is not a number from 1 to 3600000" --wait-ms 0
	usage "--host: not of 1 to 255 bytes" --host ""
	usage "--socket: not of 1 to 107 bytes" --socket "$(printf '/%0107d' 0)"
	usage "--topic: not of 1 to 500 bytes" --topic "$(printf '%0501d' 0)"
	usage "--topic: nothing can be published to that" --topic 'all/#'
	usage "--topic: nothing can be published to that" --topic "$(printf 'not\377utf8')"
	usage "what is 'this' for?" this
	usage "nonsense" --nonsense)"
check "--help tells every option" "$(
	"$program" --help >words 2>"$told"
	expect status $? 0
	for option in host port socket topic count limit connect-ms wait-ms json help; do
		grep -q "^  --$option" words || echo "--$option"
	done)"
check "where no descriptor is left for a loop nothing is done" "$(
	for limit in 4 5; do
		sh -c "ulimit -n $limit"' && exec "$0"' "$program" >words 2>"$told"
		expect status $? 3
		expect stdout "$(cat words)" ""
		grep -q '^mqtt-echo: cannot make a loop: Too many' "$told" || cat "$told"
	done)"

in_words() {
	"$program" --socket "$socket" --count 10 --topic a/topic >words 2>"$told" 3<&-
	expect status $? 0
	for line in "^$socket: 10 messages in .* a second$" '^  echoed  *10$' '^  published  *10$' \
		'^  acknowledgements: 10 promised, 10 came (' '^  echoes: 10 promised, 10 came (0 b'; do
		grep -q "$line" words || echo "no line $line"
	done
}
full_disk() {
	sh -c '"$0" --socket "$1" --count 1 >/dev/full' "$program" "$socket" 2>"$told" 3<&-
	expect status $? 3
	grep -q '^mqtt-echo: cannot write the totals: No space' "$told" || cat "$told"
}
on_terminal() {
	script -qec "'$program' --socket '$socket' --count 1" /dev/null </dev/null >terminal 3<&-
	grep -qE '[0-9]+ of 1 messages \([0-9]+ %\), [0-9]+/s, .* s left' terminal || cat terminal
	erase=$(printf '\r\033[K')
	expect "before the totals" \
		"$(grep '1 messages in' terminal | sed "s|$socket.*||; s/.*left//")" "$erase"
}
if python3 -c '' 2>/dev/null; then
	check "in words the totals are the same" "$(with "" in_words)"
	check "output that cannot be written is an error" "$(with "" full_disk)"
	if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
		check "progress is shown on a terminal, and taken away in the end" "$(
			with "" on_terminal)"
	else
		skip "progress is shown on a terminal" "no script(1) to make one"
	fi
fi
finish
