# Runs one server and outlives nobody: started as `sh -c GUARD guard SIGNAL TENTHS PROGRAM [ARGUMENT...]`.
#
# Standard input is a socket to the supervising process, standard output is the server's lock file,
# standard error is its log. The shell is the parent of the server, so the server's process id cannot
# be reused while a signal may still be sent to it. When the socket closes, which the kernel does
# however the supervisor dies, the server gets SIGNAL and, TENTHS of a second later, SIGKILL.
# The lock stays open in the server and its children on purpose: it is free only when all are gone.
#
# Signals meant for the server alone, or sent to a whole container, must not end the guard first.
# The outer shell uses a trap that does nothing, because an ignored signal would be inherited.
exec 9>&1 1>&2 3<&0 </dev/null
trap : HUP INT TERM
signal=$1
tenths=$2
shift 2

"$@" 3<&- &
server=$!

(
  trap '' HUP INT TERM PIPE
  echo "$server"
  while read -r request; do
    kill -s "$request" "$server" 2>/dev/null
  done
  kill -s "$signal" "$server" 2>/dev/null
  while [ "$tenths" -gt 0 ] && kill -0 "$server" 2>/dev/null; do
    tenths=$((tenths - 1))
    sleep 0.1 9>&- || sleep 1 9>&-
  done
  kill -s KILL "$server" 2>/dev/null
) <&3 >&3 &
guard=$!
exec 3<&-

wait "$server"
status=$?
# A trapped signal ends `wait` early.
while [ "$status" -gt 128 ] && kill -0 "$server" 2>/dev/null; do
  wait "$server"
  status=$?
done
kill -s KILL "$guard" 2>/dev/null
exit "$status"
