# Runs a command on a terminal of its own, types Ctrl-C when it has printed "ready" or "waiting", and prints its output and exit code.
import os
import pty
import sys

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
output = b""
typed = False
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    output += piece
    if not typed and (b"ready" in output or b"waiting" in output):
        typed = True
        os.write(terminal, b"\x03")
_, status = os.waitpid(pid, 0)
print(output.decode().replace("\r\n", "\n"), end="")
print("ended with", os.waitstatus_to_exitcode(status))
