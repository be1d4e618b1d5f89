"""A node that speaks Maelstrom's protocol: JSON lines on stdin and stdout.

    from splitbrain import Node

    node = Node()

    @node.on("echo")
    def echo(message):
        node.reply(message, type="echo_ok", echo=message.body["echo"])

    node.run()

Everything happens in one thread: a handler runs to its end before the next begins, so there is
nothing to lock. Time comes from `node.now_ms()` and `node.after(ms, callback)` only. That is what
makes lockstep possible: where the runner offers it (see crates/maelstrom/LOCKSTEP.md), the node
lives in the runner's virtual time, and a run can be repeated from its seed. Everywhere else, under
Maelstrom too, it runs in real time.
"""

import heapq
import json
import os
import random
import select
import sys
import time


class Message:
    """A message as it came: `src`, `dest`, and the fields of its `body`."""

    def __init__(self, envelope):
        self.src = envelope["src"]
        self.dest = envelope["dest"]
        self.body = envelope["body"]


class RPCError(Exception):
    """Raise it in a handler to answer with an error. Codes: Maelstrom's doc/protocol.md."""

    TIMEOUT, NOT_SUPPORTED, TEMPORARILY_UNAVAILABLE, MALFORMED, CRASH, ABORT = 0, 10, 11, 12, 13, 14
    KEY_DOES_NOT_EXIST, KEY_ALREADY_EXISTS, PRECONDITION_FAILED, TXN_CONFLICT = 20, 21, 22, 30

    def __init__(self, code, text=""):
        super().__init__(text)
        self.code = code
        self.text = text


class Node:
    def __init__(self):
        self.id = None  # our name, from `init` on
        self.ids = []  # the names of all nodes
        self.random = random.Random()  # seeded by the runner in lockstep
        self._handlers = {}
        self._on_init = []
        self._next_msg_id = 0
        self._callbacks = {}  # msg_id -> what to do with the answer
        self._timers = []  # a heap of (when, order, callback)
        self._timers_set = 0
        self._lockstep = False
        self._virtual_ms = 0

    @property
    def peers(self):
        """The names of all other nodes."""
        return [other for other in self.ids if other != self.id]

    # What a node is made of.

    def on(self, kind):
        """Decorates the handler of messages of this type."""

        def register(handler):
            self._handlers[kind] = handler
            return handler

        return register

    def on_init(self, handler):
        """Decorates what runs once we know who we are."""
        self._on_init.append(handler)
        return handler

    # What a handler can do.

    def send(self, dest, **body):
        """Sends a message."""
        line = json.dumps({"src": self.id, "dest": dest, "body": body}, separators=(",", ":"))
        sys.stdout.write(line + "\n")

    def reply(self, message, **body):
        """Answers a message."""
        self.send(message.src, in_reply_to=message.body["msg_id"], **body)

    def rpc(self, dest, callback, **body):
        """Sends a message; `callback` gets the answer, if one ever comes. Returns the msg_id."""
        self._next_msg_id += 1
        self._callbacks[self._next_msg_id] = callback
        self.send(dest, msg_id=self._next_msg_id, **body)
        return self._next_msg_id

    def forget(self, msg_id):
        """Waits no longer for the answer to an rpc."""
        self._callbacks.pop(msg_id, None)

    def now_ms(self):
        """Our clock, in milliseconds. It never goes back."""
        return self._virtual_ms if self._lockstep else time.monotonic_ns() / 1e6

    def after(self, ms, callback):
        """Runs `callback` in `ms` milliseconds."""
        self._timers_set += 1
        heapq.heappush(self._timers, (self.now_ms() + ms, self._timers_set, callback))

    def every(self, ms, callback):
        """Runs `callback` every `ms` milliseconds."""

        def again():
            callback()
            self.after(ms, again)

        self.after(ms, again)

    def log(self, *words):
        """Writes to stderr; the runner keeps it in a file."""
        print(*words, file=sys.stderr, flush=True)

    # What happens around it.

    def run(self):
        """Handles messages and timers until stdin ends."""
        unread = b""
        while True:
            while b"\n" in unread:
                line, unread = unread.split(b"\n", 1)
                self._step(json.loads(line))
            sys.stdout.flush()
            # In lockstep the runner wakes us; otherwise we wake ourselves.
            if not self._lockstep and self._timers:
                patience = max(0, self._timers[0][0] - self.now_ms()) / 1000
                if not select.select([0], [], [], patience)[0]:
                    self._fire_timers()
                    continue
            chunk = os.read(0, 1 << 16)
            if not chunk:
                return
            unread += chunk

    def _step(self, envelope):
        """Handles one line."""
        if "now_ms" in envelope:
            self._virtual_ms = envelope["now_ms"]
        self._fire_timers()
        if "body" in envelope and envelope["body"].get("type") != "wake":
            self._handle(Message(envelope))
        if self._lockstep:
            wake_ms = self._timers[0][0] if self._timers else None
            print(json.dumps({"body": {"type": "yield", "wake_ms": wake_ms}}))

    def _fire_timers(self):
        while self._timers and self._timers[0][0] <= self.now_ms():
            heapq.heappop(self._timers)[2]()

    def _handle(self, message):
        body = message.body
        if "in_reply_to" in body:
            callback = self._callbacks.pop(body["in_reply_to"], None)
            if callback:
                callback(message)
            return
        kind = body["type"]
        try:
            if kind == "init":
                self._init(message)
            elif kind in self._handlers:
                self._handlers[kind](message)
            else:
                raise RPCError(RPCError.NOT_SUPPORTED, f"no handler for {kind}")
        except RPCError as error:
            if "msg_id" in body:
                self.reply(message, type="error", code=error.code, text=error.text)

    def _init(self, message):
        self.id = message.body["node_id"]
        self.ids = message.body["node_ids"]
        answer = {"type": "init_ok"}
        if message.body.get("lockstep"):
            self._lockstep = answer["lockstep"] = True
            self.random.seed(message.body["seed"])
        self.reply(message, **answer)
        for handler in self._on_init:
            handler()
