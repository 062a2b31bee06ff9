"""Space packets against an independent library, whole, lost, damaged and in any order."""

from __future__ import annotations

import random

import pytest
from fastcrc import crc16
from spacepackets.ccsds.spacepacket import PacketType, SequenceFlags, SpacePacketHeader, parse_space_packets
from spacepackets.ccsds.time import CdsShortTimestamp

from afss_ros.downlink import Downlink, DownlinkError, space_packet, time_code
from afss_ros.downlink.received import receive
from afss_ros.downlink.space_packet import Packet, encode, read
from afss_ros.downlink.summary import Summary
from afss_ros.downlink.summary import encode as summarised

STAMP = 1_796_027_868_697_582_444


def test_a_packet_is_what_spacepackets_reads() -> None:
    raw = encode(Packet(1234, 16_383, STAMP, b"told"))
    header = SpacePacketHeader.unpack(raw)
    assert (header.apid, header.seq_count, header.packet_type) == (1234, 16_383, PacketType.TM)
    assert header.sec_header_flag and header.seq_flags == SequenceFlags.UNSEGMENTED
    assert header.packet_len == len(raw) and header.ccsds_version == 0
    assert header.pack() == raw[:6]
    assert crc16.ibm_3740(raw) == 0  # with which spacepackets checks telemetry


def test_a_time_is_what_spacepackets_reads() -> None:
    code = time_code.encode(STAMP)
    # It knows no picoseconds: their two bits in the preamble are taken away, and they themselves.
    short = CdsShortTimestamp.unpack(bytes([code[0] & 0b1111_1100]) + code[1:7])
    assert short.as_unix_seconds() == pytest.approx(STAMP // 10**6 / 1000, abs=1e-6)
    for stamp in (STAMP, 0, -1, 1, -378_691_200 * 10**9, 1_700_000_000_123_456_789):
        assert time_code.decode(time_code.encode(stamp)) == stamp
    for stamp in (-378_691_201 * 10**9, 6 * 10**18):
        with pytest.raises(DownlinkError, match="1958"):
            time_code.encode(stamp)


def test_a_stream_is_split_as_spacepackets_splits_it() -> None:
    sent = [encode(Packet(7, i, STAMP + i, bytes([i]) * (1 + i))) for i in range(5)]
    assert parse_space_packets(b"".join(sent), [SpacePacketHeader.unpack(sent[0]).packet_id]).tm_list == sent
    assert [p.data for p in read(b"".join(sent)) if isinstance(p, Packet)] == [bytes([i]) * (1 + i) for i in range(5)]


def test_what_is_damaged_is_passed_over_and_what_follows_is_read() -> None:
    sent = [encode(Packet(7, i, STAMP + i, bytes(40))) for i in range(4)]
    for place in range(len(sent[1])):
        bad = bytearray(sent[1])
        bad[place] ^= 0x10
        found = list(read(sent[0] + bytes(bad) + sent[2] + b"\x08" + sent[3][:-3]))
        assert [p.count for p in found if isinstance(p, Packet)] == [0, 2]
        assert sum(n for n in found if isinstance(n, int)) == len(bad) + 1 + len(sent[3]) - 3
    assert list(read(b"")) == [] and list(read(bytes(100))) == [100]


def test_what_is_lost_is_counted_in_any_order_and_round_the_end_of_counting() -> None:
    data = summarised(Summary((4, 6), 0.5))
    sent = [encode(Packet(7, count, STAMP + i, data)) for i, count in enumerate([*range(16_380, 16_384), *range(4)])]
    random.Random(1).shuffle(sent)
    whole = receive(b"".join(sent))
    assert (len(whole.frames), whole.lost) == (8, 0)
    assert [stamp for stamp, _ in whole.frames] == [STAMP + i for i in range(8)]
    middle = next(i for i, p in enumerate(sent) if SpacePacketHeader.unpack(p).seq_count == 16_383)
    assert receive(b"".join(sent[:middle] + sent[middle + 1 :])).lost == 1
    assert receive(encode(Packet(7, 0, STAMP, b"hello"))).unreadable == 1


def test_the_most_doubtful_go_first_and_the_link_is_never_overrun() -> None:
    link, draw = Downlink(7, bits_per_second=8 * 100 * 2, most_waiting=10), random.Random(3)
    data = bytes(100 - space_packet.OVERHEAD)
    sent: list[tuple[int, Packet]] = []
    doubts = {}
    for second in range(60):
        for i in range(5):
            stamp = 10 * second + i
            doubts[stamp] = draw.random()
            link.offer(data, stamp, doubts[stamp])
        packets = link.due(float(second))
        assert sum(map(len, packets)) <= 200 and link.waiting <= 10
        sent += [(second, p) for raw in packets for p in read(raw) if isinstance(p, Packet)]
    assert len(sent) == link.sent == 120 and [p.count for _, p in sent] == list(range(120))
    assert link.sent + link.waiting + link.dropped == 300
    kept = [doubts[p.stamp_ns] for _, p in sent]
    left = [doubt for stamp, doubt in doubts.items() if stamp not in {p.stamp_ns for _, p in sent}]
    assert sum(kept) / len(kept) > 0.75 > 0.5 > sum(left) / len(left)
    for second, packet in sent:
        gone = {p.stamp_ns for s, p in sent if s <= second}
        waited = [d for stamp, d in doubts.items() if stamp not in gone and 10 * second <= stamp < 10 * second + 5]
        assert doubts[packet.stamp_ns] >= max(waited, default=0.0)


def test_a_slow_link_sends_a_packet_when_it_has_saved_enough_for_it() -> None:
    link = Downlink(7, bits_per_second=100)
    link.offer(bytes(100 - space_packet.OVERHEAD), 1, 0.5)
    assert [len(link.due(float(second))) for second in range(10)] == [0] * 7 + [1, 0, 0]


@pytest.mark.parametrize(("apid", "rate"), [(2040, 0.0), (-1, 0.0), (1, -1.0), (1, float("nan"))])
def test_a_link_that_cannot_be_is_refused(apid: int, rate: float) -> None:
    with pytest.raises(DownlinkError, match="got"):
        Downlink(apid, rate)
