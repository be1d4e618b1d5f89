#!/usr/bin/env python3
"""Workload kafka, with a bug: two nodes that append at the same time overwrite one another.

Each log is one key of the runner's linearizable store, which is not enough: to read, and then to
write, are two operations. Run it with `--latency 10 --rate 50`.
"""

from splitbrain import Node, RPCError

node = Node()


def fetch(key, then):
    def answered(answer):
        if answer.body["type"] == "read_ok":
            then(answer.body["value"])
        elif answer.body["code"] == RPCError.KEY_DOES_NOT_EXIST:
            then(None)

    node.rpc("lin-kv", answered, type="read", key=key)


@node.on("send")
def send(message):
    key, msg = "log " + message.body["key"], message.body["msg"]

    def read(log):
        log = log or []

        def written(_):
            node.reply(message, type="send_ok", offset=len(log))

        # Planted bug: it may have changed since it was read.
        node.rpc("lin-kv", written, type="write", key=key, value=log + [msg])

    fetch(key, read)


@node.on("poll")
def poll(message):
    waiting, msgs = dict(message.body["offsets"]), {}

    def next_one():
        if not waiting:
            node.reply(message, type="poll_ok", msgs=msgs)
            return
        log, offset = waiting.popitem()

        def read(messages):
            shown = (messages or [])[offset:]
            msgs[log] = [[offset + place, it] for place, it in enumerate(shown)]
            next_one()

        fetch("log " + log, read)

    next_one()


@node.on("commit_offsets")
def commit_offsets(message):
    node.reply(message, type="commit_offsets_ok")


@node.on("list_committed_offsets")
def list_committed_offsets(message):
    node.reply(message, type="list_committed_offsets_ok", offsets={})


node.run()
