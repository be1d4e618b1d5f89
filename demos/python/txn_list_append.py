#!/usr/bin/env python3
"""Workload txn-list-append: the whole table is one value in the runner's linearizable store.

A transaction reads the table, works on its copy, and puts that in its place with a compare-and-set.
If somebody else was faster, nothing has happened, and it begins again: so transactions happen one
after another, each at its compare-and-set.
"""

from splitbrain import Node, RPCError

node = Node()


def run(txn, table):
    """Does what a transaction says to a table. Returns what it was shown, and the new table."""
    table, shown = dict(table), []
    for what, key, value in txn:
        if what == "append":
            table[str(key)] = table.get(str(key), []) + [value]
        else:
            value = table.get(str(key))
        shown.append([what, key, value])
    return shown, table


@node.on("txn")
def txn(message):
    def read(answer):
        if answer.body["type"] == "read_ok":
            before = answer.body["value"]
        elif answer.body["code"] == RPCError.KEY_DOES_NOT_EXIST:
            before = {}
        else:
            return  # nobody knows: better no answer than a wrong one
        shown, after = run(message.body["txn"], before)

        def swapped(answer):
            if answer.body["type"] == "cas_ok":
                node.reply(message, type="txn_ok", txn=shown)
            elif answer.body["code"] == RPCError.PRECONDITION_FAILED:
                txn(message)

        swap = {"type": "cas", "key": "table", "from": before, "to": after}
        node.rpc("lin-kv", swapped, create_if_not_exists=True, **swap)

    node.rpc("lin-kv", read, type="read", key="table")


node.run()
