"""Loads feed files the way a first version would: csv and sqlite3, one upsert a row, one transaction a file.

usage: import.py DATABASE CACHE_MIB TABLE=FILE...   (the tables are there already)
"""

import csv
import sqlite3
import sys

MONEY = {"standard_charge_cents", "total_charge_cents", "amount_cents"}


def load(db, table, path):
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
    upsert = (
        f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))}) ON CONFLICT ({columns[0]}) DO UPDATE SET {changes}"
    )
    money = [at for at, name in enumerate(columns) if name in MONEY]
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file, delimiter="|")
        next(rows)
        for row in rows:
            values = [value or None for value in row]
            for at in money:
                if values[at] is not None:
                    values[at] = round(float(values[at]) * 100)
            db.execute(upsert, values)
    db.commit()


def main(database, cache_mib, *files):
    db = sqlite3.connect(database)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", f"cache_size = -{int(cache_mib) * 1024}"):
        db.execute(f"PRAGMA {pragma}")
    for each in files:
        load(db, *each.split("=", 1))
    db.close()


main(*sys.argv[1:])
