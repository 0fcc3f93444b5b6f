# SPDX-License-Identifier: MIT
"""Trails that cannot be used, and trails that someone changed."""
import _lib
import os
import shutil
import sqlite3
import subprocess

from clients import curl
from house import House, run_assay
from scene import Skip, case, check, main, same


def proxy_refuses(h, trail, *words):
    r = run_assay("proxy", "--upstream", "http://127.0.0.1:9", "--listen",
                  "127.0.0.1:0", "--trail", trail, timeout=20)
    said = r.stderr.decode()
    same(r.returncode, 2, f"exit status for {trail}; it said {said!r}")
    for word in words:
        check(word.lower() in said.lower(), f"{word!r} is not in:", said)


def readers_refuse(trail, *words):
    for command in (["ls"], ["show", "1"], ["verify"]):
        r = run_assay("replay", *command, "--trail", trail)
        said = r.stderr.decode()
        same(r.returncode, 2, f"{command}: exit status; it said {said!r}")
        for word in words:
            check(word.lower() in said.lower(), f"{command}: {word!r} not in:",
                  said)


def recorded(h, n=5):
    """A trail with n exchanges, closed."""
    v = h.vendor()
    p = h.proxy(v.url)
    for i in range(n):
        curl(p.url + f"/echo?body=1&i={i}", data=b"body %d " % i * 50)
    p.settled(n)
    p.stop()
    return p


@case("a missing trail is explained to readers")
def missing():
    with House() as h:
        readers_refuse(h.path("none.db"), "none.db")


@case("a file that is no trail is left as it is")
def foreign():
    with House() as h:
        for name, content in (("text.db", b"hello, not a database\n" * 100),
                              ("short.db", b"x")):
            path = h.write(name, content)
            proxy_refuses(h, path, name)
            readers_refuse(path, name)
            same(open(path, "rb").read(), content, "the file")
        path = h.path("other.db")
        with sqlite3.connect(path) as db:
            db.execute("create table t(a)")
        db.close()
        before = open(path, "rb").read()
        proxy_refuses(h, path, "other.db")
        readers_refuse(path, "other.db")
        same(open(path, "rb").read(), before, "another's database")
        os.makedirs(h.path("folder.db"))
        proxy_refuses(h, h.path("folder.db"), "folder.db")


@case("a trail of a newer assay")
def newer():
    with House() as h:
        p = recorded(h, 1)
        db = sqlite3.connect(p.trail)
        columns = [r[1] for r in db.execute("pragma table_info(meta)")]
        version = db.execute("pragma user_version").fetchone()[0]
        if version:
            db.execute(f"pragma user_version = {version + 1000}")
        elif "schema" in columns:
            db.execute("update meta set schema = schema + 1000")
        else:
            db.execute("update meta set value = value + 1000 "
                       "where key = 'schema'")
        db.commit()
        db.close()
        proxy_refuses(h, p.trail, "newer")
        readers_refuse(p.trail, "newer")


@case("a trail that another process records into")
def locked():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        proxy_refuses(h, p.trail, str(p.pid))
        same(curl(p.url + "/json?n=10").status, 200, "the first goes on")
        p.settled(1)


@case("a trail in a read-only folder, and one that is a link")
def read_only():
    with House() as h:
        target = h.write("target", b"")
        os.symlink(target, h.path("link.db"))
        proxy_refuses(h, h.path("link.db"), "link.db")
        same(os.path.getsize(target), 0, "the link's target")
        proxy_refuses(h, h.path("no/such/folder/a.db"), "a.db")
        folder = h.tmpfs("ro", "8m")
        if subprocess.run(["mount", "-o", "remount,ro", folder]).returncode:
            raise Skip("remounting read-only needs root")
        proxy_refuses(h, os.path.join(folder, "a.db"), "a.db")


@case("readers of a trail in a read-only folder")
def read_only_readers():
    with House() as h:
        p = recorded(h, 3)
        folder = h.tmpfs("ro", "16m")
        for name in os.listdir(h.dir):
            if name.startswith("proxy.db") and os.path.isfile(h.path(name)):
                shutil.copy(h.path(name), folder)
        if subprocess.run(["mount", "-o", "remount,ro", folder]).returncode:
            raise Skip("remounting read-only needs root")
        copy = os.path.join(folder, "proxy.db")
        r = run_assay("replay", "ls", "--trail", copy, "--json")
        same((r.returncode, len(r.stdout.splitlines())), (0, 3),
             f"ls: {r.stderr}")
        same(run_assay("replay", "verify", "--trail", copy).returncode, 0,
             "verify")


@case("a second run goes on in the same trail")
def again():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        first = curl(p.url + "/json?n=100").body
        p.settled(1)
        p.stop()
        q = h.again(p)
        curl(q.url + "/json?n=200")
        rows = q.settled(2)
        same([x["id"] for x in rows], [1, 2], "ids")
        same(q.body(rows[0], "response"), first, "the first run's body")


# Each changes something that the seal covers; (what, statement or function).
def tampering(db, path):
    tables = {t: [r[1:3] for r in db.execute(f"pragma table_info({t})")]
              for (t,) in db.execute("select name from sqlite_master where "
                                     "type = 'table' and name not like 'sq%'")}
    for table, columns in sorted(tables.items()):
        if table in ("meta", "spool", "cursor", "chat", "finding", "arm",
                     "item", "score", "evalue", "checkpoint"):
            continue
        rows = [r[0] for r in db.execute(f"select rowid from {table}")] \
            if _has_rowid(db, table) else []
        if not rows:
            continue
        middle = rows[len(rows) // 2]
        yield f"a row of {table} deleted", \
            f"delete from {table} where rowid = {middle}"
        for column, kind in columns:
            value = db.execute(f"select {column} from {table} where "
                               f"rowid = {middle}").fetchone()[0]
            if isinstance(value, bytes) and len(value) > 4:
                changed = bytearray(value)
                changed[len(changed) // 2] ^= 1
                yield f"a bit of {table}.{column}", (
                    f"update {table} set {column} = ? where rowid = {middle}",
                    [bytes(changed)])


def _has_rowid(db, table):
    try:
        db.execute(f"select rowid from {table} limit 1")
        return True
    except sqlite3.OperationalError:
        return False


@case("verify finds what was altered: any byte of evidence, any missing row")
def tampered():
    missed = []
    with House() as h:
        p = recorded(h, 40)
        same(p.verify().returncode, 0, "verify before")
        db = sqlite3.connect(p.trail)
        db.execute("pragma wal_checkpoint(truncate)")
        changes = list(tampering(db, p.trail))
        db.close()
        check(len(changes) > 5, "too few places found:", changes)
        for what, change in changes:
            copy = h.path("copy.db")
            shutil.copy(p.trail, copy)
            with sqlite3.connect(copy) as other:
                other.execute("pragma foreign_keys = off")
                try:
                    other.execute(*([change] if isinstance(change, str)
                                    else change))
                except sqlite3.IntegrityError:
                    continue
            other.close()
            r = run_assay("replay", "verify", "--trail", copy)
            if r.returncode == 0:
                missed.append(what)
            os.remove(copy)
        print(f"    {len(changes)} alterations tried", flush=True)
        # What a connection says of itself is not part of any exchange's
        # seal; everything else must be found.
        check(not missed, "not found:", missed)


@case("verify finds exchanges that were cut off the trail's end")
def cut_off():
    with House() as h:
        p = recorded(h, 10)
        db = sqlite3.connect(p.trail)
        db.execute("pragma foreign_keys = off")
        db.execute("delete from exchange where id > 7")
        db.commit()
        db.close()
        r = run_assay("replay", "verify", "--trail", p.trail)
        check(r.returncode != 0, "it passed:", r.stdout)


@case("a damaged file gives a sentence, never a crash")
def damaged():
    import random
    rng = random.Random(7)
    with House() as h:
        p = recorded(h, 20)
        db = sqlite3.connect(p.trail)
        db.execute("pragma wal_checkpoint(truncate)")
        db.close()
        whole = open(p.trail, "rb").read()
        for i in range(30):
            data = bytearray(whole)
            if i % 3 == 0:
                data = data[:rng.randrange(100, len(data))]
            for _ in range(rng.randrange(1, 40)):
                data[rng.randrange(100, len(data))] = rng.randrange(256)
            path = h.write("damaged.db", bytes(data))
            for command in (["ls"], ["ls", "--json"], ["show", "3"],
                            ["verify"]):
                r = run_assay("replay", *command, "--trail", path)
                check(r.returncode in (0, 1, 2),
                      f"{command} ended with {r.returncode}:", r.stderr[-800:])
                check(b"Sanitizer" not in r.stderr and b"runtime error" not in
                      r.stderr, "a sanitizer spoke:", r.stderr[:1500])
            for name in os.listdir(h.dir):
                if name.startswith("damaged.db"):
                    os.remove(h.path(name))


main()
