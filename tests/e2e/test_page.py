# SPDX-License-Identifier: MIT
"""The page of `GET /`, in a real browser."""

import pytest

from kafka import free_port
from server import wait_for

ROWS = """Object.fromEntries([...document.querySelectorAll('tr[data-symbol]')].map(row => [row.dataset.symbol,
  Object.fromEntries([...row.querySelectorAll('[data-field]')].map(cell => [cell.dataset.field, cell.textContent.trim()]))]))"""
STATE = "document.querySelector('#state')?.dataset.state"


def wait_for_state(page, state, timeout=20):
    assert wait_for(lambda: page.value(STATE) == state, timeout), (state, page.value(STATE))


def wait_for_change(page, symbol, field="price"):
    before = page.value(ROWS)[symbol][field]
    assert wait_for(lambda: page.value(ROWS)[symbol][field] != before, 20), before


@pytest.mark.timeout(240)
def test_the_page_shows_prices_that_change_and_reconnects_after_the_server_was_restarted(sim, page):
    port = free_port()
    settings = ("rate=300,symbols=10", "--reconnect-ms", 500, "--heartbeat-ms", 200)
    server = sim(*settings, port=port)
    page.go(f"{server.http}/")
    wait_for_state(page, "live")
    assert wait_for(lambda: len(page.value(ROWS)) == 10)
    last = {tick["symbol"]: tick for tick in server.json("/v1/last?symbols=*")["last"]}
    rows = page.value(ROWS)
    assert set(rows) == set(last)
    for symbol, row in rows.items():
        assert row["price"].split(".")[0][:2] == last[symbol]["price"].split(".")[0][:2], (row, last[symbol])
        assert row["side"].lower() in ("buy", "sell", "none", "")
    symbol = next(iter(rows))
    wait_for_change(page, symbol)

    server.stop()
    wait_for_state(page, "reconnecting")
    sim(*settings, port=port)
    wait_for_state(page, "live", 40)
    wait_for_change(page, symbol)
    assert page.problems == []
