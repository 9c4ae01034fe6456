"""Blocks of ports: no two overlap, whatever their sizes, and what ends gives its ports back."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from controller.errors import StackError
from controller.stack import port_block
from controller.stack.port_block import STEP, PortBlock
from controller.stack.ports import LOOPBACK


def narrow(monkeypatch: pytest.MonkeyPatch, ports: int) -> None:
    """Leave only `ports` ports to take blocks from."""
    monkeypatch.setattr(port_block, "_first_ephemeral", lambda: port_block.LOWEST + ports + STEP)


def test_a_small_block_is_not_taken_out_of_the_middle_of_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch, 10 * STEP)
    with ExitStack() as held:
        large = PortBlock.take(8 * STEP)
        held.callback(large.close)
        taken = set(range(large.first, large.first + large.size))
        while True:
            try:
                small = PortBlock.take(STEP)
            except StackError:
                break
            held.callback(small.close)
            ports = set(range(small.first, small.first + small.size))
            assert not ports & taken
            taken |= ports


def test_a_block_given_back_can_be_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch, 2 * STEP)
    for _ in range(5):
        PortBlock.take(2 * STEP).close()
    with pytest.raises(StackError):
        block = PortBlock.take(2 * STEP)
        try:
            PortBlock.take(STEP)
        finally:
            block.close()


def test_the_ports_of_a_block_serve_udp_and_those_between_the_locks_tcp_as_well() -> None:
    block = PortBlock.take(3 * STEP)
    try:
        for offset in range(1, block.size):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.bind((LOOPBACK, block[offset]))
            if offset % STEP:
                with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
                    one.bind((LOOPBACK, block[offset]))
    finally:
        block.close()


def test_a_port_in_use_is_in_no_block(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch, 2 * STEP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((LOOPBACK, port_block.LOWEST + STEP + 1))
        with pytest.raises(StackError):
            PortBlock.take(2 * STEP)
