#!/usr/bin/env python3
"""Prints a free port of 127.0.0.1: one that the system does not give to those who leave the choice
to it, as all tests do that run meanwhile; such a one may be somebody else's before it is used."""
import random
import socket


def free_port():
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        first, last = map(int, f.read().split())
    others = [port for port in range(1024, 65536) if not first <= port <= last]
    while True:
        with socket.socket() as s:
            port = random.choice(others or [0])
            try:
                s.bind(("127.0.0.1", port))
                return s.getsockname()[1]
            except OSError:
                pass


if __name__ == "__main__":
    print(free_port())
