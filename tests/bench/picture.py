# SPDX-License-Identifier: MIT
"""The curves of `make bench-growth` as a picture: a small chart for each, both axes logarithmic."""

import math

COLUMNS, WIDTH, HEIGHT, GAP = 4, 190, 96, 46  # of charts, and pixels
LEFT, TOP = 46, 58
STYLE = """text{font:10px sans-serif;fill:#333}.name{font-weight:bold}.title{font:bold 15px sans-serif}
.frame{fill:#fafafa;stroke:#bbb}.ours{fill:none;stroke:#1f5fbf;stroke-width:2}.dot{fill:#1f5fbf}
.linux{fill:none;stroke:#c06000;stroke-width:1.5;stroke-dasharray:5 3}.linuxdot{fill:#c06000}
.goal{fill:none;stroke:#3a9a3a;stroke-width:1.5;stroke-dasharray:1 3}"""


def short(value):
    """1,234,567 as 1.2M"""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return "%.3g%s" % (value / size, letter)
    return "%.3g" % value


class Axis:
    """Values between the least and the largest, as pixels from 0 to length."""

    def __init__(self, values, length):
        self.low, self.high, self.length = min(values), max(values), length
        if self.high < 2 * self.low:  # a flat curve looks flat
            self.low, self.high = self.low / 2, self.high * 2

    def at(self, value):
        return self.length * math.log(value / self.low) / math.log(self.high / self.low)


def line(kind, places):
    if len(places) < 2:
        return ""
    return '<polyline class="%s" points="%s"/>' % (kind, " ".join("%.1f,%.1f" % place for place in places))


def chart(curve, points, left, top):
    """points: [(size, ours, Linux's or None, goal or None)]"""
    x = Axis([point[0] for point in points], WIDTH)
    y = Axis([value for point in points for value in point[1:] if value], HEIGHT)
    places = [[(left + x.at(point[0]), top + HEIGHT - y.at(point[i])) for point in points if point[i]]
              for i in (1, 2, 3)]
    parts = ['<text class="name" x="%d" y="%d">%s</text>' % (left, top - 5, curve),
             '<rect class="frame" x="%d" y="%d" width="%d" height="%d"/>' % (left, top, WIDTH, HEIGHT)]
    parts += [line(kind, places[i]) for kind, i in (("goal", 2), ("linux", 1), ("ours", 0))]
    parts += ['<circle class="%s" cx="%.1f" cy="%.1f" r="2.5"/>' % (kind, *place)
              for kind, i in (("linuxdot", 1), ("dot", 0)) for place in places[i]]
    parts += ['<text x="%d" y="%d" text-anchor="end">%s</text>' % (left - 4, at, short(value))
              for at, value in ((top + 8, y.high), (top + HEIGHT, y.low))]
    parts += ['<text x="%d" y="%d" text-anchor="%s">%s</text>' % (left + at, top + HEIGHT + 12, anchor, short(value))
              for at, anchor, value in ((0, "start", points[0][0]), (WIDTH, "end", points[-1][0]))]
    return "\n".join(part for part in parts if part)


def draw(title, curves):
    """curves: {name: points}. Those with fewer than two sizes, or a size 0, have no place on such axes."""
    curves = {name: [point for point in points if point[0] and point[1]] for name, points in curves.items()}
    curves = {name: points for name, points in curves.items() if len(points) > 1}
    rows = -(-len(curves) // COLUMNS)
    width, height = COLUMNS * (WIDTH + GAP + 14) + 20, TOP + rows * (HEIGHT + GAP) + 4
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d">' % (width, height, width),
             "<style>%s</style>" % STYLE, '<rect width="100%" height="100%" fill="#fff"/>',
             '<text class="title" x="10" y="20">%s</text>' % title,
             '<text x="10" y="36">blue: ours; orange: Linux 6.12; green: the goal. Across: the size that grows.</text>']
    for nr, (name, points) in enumerate(curves.items()):
        column, row = nr % COLUMNS, nr // COLUMNS
        parts.append(chart(name, points, LEFT + column * (WIDTH + GAP + 14), TOP + row * (HEIGHT + GAP)))
    return "\n".join(parts) + "\n</svg>\n"
