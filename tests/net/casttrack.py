"""A receiver that looks at more than what is missing of a stream: when each datagram came, and in which order."""

from casttraffic import DATAGRAM, MAGIC, MSEC, Receiver


class Track(Receiver):
    """As Receiver; arrivals are of all streams together, order and copies of each."""

    def __init__(self, *args):
        super().__init__(*args)
        self.arrivals = []  # when
        self.copies = 0     # datagrams that had come before
        self.overtaken = 0  # datagrams that came behind a later one
        self._last = {}     # of each stream, by its number

    def take_payload(self, payload, arrived, source):
        """A datagram each, for these are no coalesced packets."""
        if len(payload) >= DATAGRAM.size and payload.startswith(MAGIC):
            _, stream, number, _, _ = DATAGRAM.unpack_from(payload)
            self.arrivals.append(arrived)
            self.copies += number in self.seen[stream].numbers
            self.overtaken += number < self._last.get(stream, 0)
            self._last[stream] = max(number, self._last.get(stream, 0))
        super().take_payload(payload, arrived, source)

    def longest_gap(self, begin):
        """Of what came after 'begin', in ms."""
        times = sorted([begin, *(a for a in self.arrivals if a >= begin)])
        return max((b - a for a, b in zip(times, times[1:])), default=0) / MSEC
