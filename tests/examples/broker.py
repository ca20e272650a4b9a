# SPDX-License-Identifier: LGPL-2.1-or-later
"""A broker that misbehaves as it is told: it serves a client of MQTT 3.1.1 on a unix socket.

broker.py SOCKET [WHAT=N...]     prints "ready" when it can be connected to, or "port N" if full

  connack=N    what it answers to CONNECT: 0 is yes, 1 to 5 a reason why not, -1 nothing; -2: it
               closes the connection
  suback=N     what it answers to SUBSCRIBE: 1 is yes, 128 no, -1 and -2 as above
  puback=N     how often it acknowledges each message (1)
  echo=N       how often it sends each message back (1)
  noise=1      with each message that it answers it sends what looks like it, but is something else
  from=N       it holds the first N messages back, and answers them all with the next (0)
  until=N      it never answers those from the N-th on
  die=N        it closes the connection when the N-th message has come
  garbage=N    it sends what is no packet when the N-th message has come
  clients=N    it serves so many, one after the other (1)
  tell=N       it prints "received" when the N-th message has come
  full=1       it has a port of TCP on which nobody is let in
"""
import signal
import socket
import struct
import sys

signal.alarm(300)  # a client that never comes ends it, too
NEVER = 1 << 30
told = dict(connack=0, suback=1, puback=1, echo=1, noise=0, until=NEVER, die=NEVER,
            garbage=NEVER, tell=NEVER, clients=1, full=0)
told["from"] = 0
for what in sys.argv[2:]:
    name, number = what.split("=")
    told[name] = int(number) if name in told else sys.exit("broker.py: what is %s?" % name)


def say(word):
    print(word, flush=True)


class Gone(Exception):
    """One of the two has closed the connection."""


class Client:
    def __init__(self, connection):
        self.stream = connection.makefile("rwb")
        self.received = 0
        self.held = []

    def read(self, count):
        data = self.stream.read(count)
        if len(data) < count:
            raise Gone
        return data

    def packet(self):
        """The type of the next packet, its flags, and what is in it."""
        first, length, shift = self.read(1)[0], 0, 0
        while True:
            byte = self.read(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first >> 4, first & 15, self.read(length)

    def send(self, first, data):
        assert len(data) < 128
        self.stream.write(bytes([first, len(data)]) + data)

    def answer(self, topic, identifier, payload):
        if told["noise"]:
            for noise in b"", b"x", b" " + payload, b"-" + payload, payload + b"x", payload + b"\0x", b"9" * 30:
                self.send(0x32, topic + identifier + noise)
        for _ in range(told["puback"]):
            self.send(0x40, identifier)
        for _ in range(told["echo"]):
            self.send(0x32, topic + identifier + payload)

    def message(self, data):
        self.received += 1
        end = 2 + struct.unpack(">H", data[:2])[0]
        if self.received < told["until"]:
            self.held.append((data[:end], data[end:end + 2], data[end + 2:]))
        if self.received > told["from"]:
            for held in self.held:
                self.answer(*held)
            self.held.clear()
        if self.received == told["garbage"]:
            self.send(0xF0, b"garbage")
        self.stream.flush()
        if self.received == told["tell"]:
            say("received")

    def serve(self):
        while self.received < told["die"]:
            kind, _, data = self.packet()
            if kind == 1:
                self.admit(0x20, bytes([0]), told["connack"])
            elif kind == 3:
                self.message(data)
            elif kind == 8:
                self.admit(0x90, data[:2], told["suback"])
            elif kind == 12:
                self.send(0xD0, b"")
            elif kind == 14:
                return
            self.stream.flush()

    def admit(self, first, data, code):
        if code == -2:
            raise Gone
        if code >= 0:
            self.send(first, data + bytes([code]))


def hang():
    """A port on which nobody is let in: whoever connects waits for ever."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = [socket.socket() for _ in range(4)] # one fits in the queue
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
    say("port %d" % listener.getsockname()[1])
    signal.pause()


if told["full"]:
    hang()
    sys.exit()
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
say("ready")
for _ in range(told["clients"]):
    with listener.accept()[0] as connection:
        try:
            Client(connection).serve()
        except (Gone, ConnectionError):
            pass
