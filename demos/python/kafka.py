#!/usr/bin/env python3
"""Workload kafka: logs in the runner's linearizable store, one key for each.

Whoever appends reads the log, and puts a longer one in its place with a compare-and-set: if
somebody else was faster, it begins again. The offset of a message is its place in the list.
"""

from splitbrain import Node, RPCError

node = Node()


def fetch(keys, then):
    """Reads keys of the store; `then` gets a dictionary. What was never written is left out."""
    found, missing = {}, set(keys)

    def answered(key, answer):
        missing.discard(key)
        if answer.body["type"] == "read_ok":
            found[key] = answer.body["value"]
        elif answer.body["code"] != RPCError.KEY_DOES_NOT_EXIST:
            return  # nobody knows: better no answer than a wrong one
        if not missing:
            then(found)

    for key in sorted(missing):
        node.rpc("lin-kv", lambda answer, key=key: answered(key, answer), type="read", key=key)
    if not keys:
        then(found)


def change(key, make, then):
    """Replaces the value of a key by `make(value)`, whoever else is doing so; then calls `then`."""

    def read(found):
        value = found.get(key)

        def answered(answer):
            if answer.body["type"] == "cas_ok":
                then(value)
            elif answer.body["code"] == RPCError.PRECONDITION_FAILED:
                change(key, make, then)

        swap = {"type": "cas", "create_if_not_exists": True}
        node.rpc("lin-kv", answered, key=key, **{"from": value, "to": make(value)}, **swap)

    fetch([key], read)


@node.on("send")
def send(message):
    def done(before):
        node.reply(message, type="send_ok", offset=len(before or []))

    body = message.body
    change("log " + body["key"], lambda log: (log or []) + [body["msg"]], done)


@node.on("poll")
def poll(message):
    offsets = message.body["offsets"]

    def found(logs):
        msgs = {}
        for log, offset in offsets.items():
            messages = logs.get("log " + log, [])[offset:]
            msgs[log] = [[offset + place, it] for place, it in enumerate(messages)]
        node.reply(message, type="poll_ok", msgs=msgs)

    fetch(["log " + log for log in offsets], found)


@node.on("commit_offsets")
def commit_offsets(message):
    waiting = dict(message.body["offsets"])

    def next_one(_=None):
        if not waiting:
            node.reply(message, type="commit_offsets_ok")
            return
        log, offset = waiting.popitem()
        change("read " + log, lambda before: max(before or 0, offset), next_one)

    next_one()


@node.on("list_committed_offsets")
def list_committed_offsets(message):
    logs = message.body["keys"]

    def found(read):
        offsets = {log: read["read " + log] for log in logs if "read " + log in read}
        node.reply(message, type="list_committed_offsets_ok", offsets=offsets)

    fetch(["read " + log for log in logs], found)


node.run()
