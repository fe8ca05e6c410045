/** What is to be reached; a line of the table that misses it says so. */
const targets = {
  "monitor, three fields read": 130,
  "monitor, every field into an object": 220,
  "monitor, decodeObject": 220,
};
/** Of the ns: at a lower rate the floor, too, spends most of its time on being woken, and only the ratio to it tells. */
export const FULL_LOAD = "as fast as it goes";
const FLOOR_RATIO = 4;

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

let print;
let misses;

/**
 * Prints one part of the report of monitor.mjs for people, line by line.
 *
 * @returns {number} lines that say that they missed what they should reach
 */
export function printSection(name, results, write) {
  print = write;
  misses = 0;
  printers[name](results);
  return misses;
}

const printers = {
  cost(loads) {
    for (const [load, rows] of Object.entries(loads)) {
      const floor = rows[0].nanosPerEvent;
      heading(`CPU time per event, load ${load}`, "ns", "best", "x floor", "events/s", "lost");
      for (const row of rows) {
        const ratio = row.nanosPerEvent / floor;
        const target = targets[row.name];
        const most = load === FULL_LOAD ? target : Number.POSITIVE_INFINITY;
        const missed = target !== undefined && (row.nanosPerEvent > most || ratio > FLOOR_RATIO);
        const cells = [
          row.nanosPerEvent.toFixed(0),
          row.best.toFixed(0),
          ratio.toFixed(1),
          number(row.rate),
          number(row.lost),
        ];
        line(row.name, cells, missed && `missed: ${load === FULL_LOAD ? `${target} ns, ` : ""}${FLOOR_RATIO} x floor`);
      }
    }
  },

  capacity({ tries, maxRateWithoutLoss }) {
    heading("rates, three fields read, 2 MiB rings", "events/s", "lost");
    for (const { asked, rate, lost } of tries) {
      line(asked === 0 ? FULL_LOAD : `asked for ${number(asked)}`, [number(rate), number(lost)]);
    }
    line(
      "most without loss",
      [number(maxRateWithoutLoss), "0"],
      maxRateWithoutLoss < 495_000 && "missed: 500,000 a second",
    );
  },

  blocked({ rate, lost, stalls }) {
    heading("JavaScript busy 150 ms of every 300, 1 MiB rings", "events/s", "lost", "stalls");
    line("three fields read", [rate, lost, stalls].map(number), lost > 0 && "missed: 0 lost");
  },

  latency(rows) {
    heading("kernel time stamp to handler, µs", "p50", "p99", "max", "late", "lost", "CPU %");
    for (const row of rows) {
      const cells = [row.p50, row.p99, row.max, row.late, row.lost].map(number);
      // Many urgent records wait as others do.
      const most = row.name.includes("tick") ? 1_000 : 10_000;
      const missed = row.p99 > most && !row.name.includes("floor");
      line(row.name, [...cells, row.cpuPercent.toFixed(1)], missed && `missed: p99 ${number(most)}`);
    }
  },

  churn({ churned, blockedMicros, wallMicros, collectorMicros, lost }) {
    heading("registering and closing while 100,000/s flow", "events", "turn µs", "most", "garbage", "lost");
    const rows = { "JavaScript's longest turn, CPU time": blockedMicros, "the same by the clock": wallMicros };
    for (const [title, { median, most }] of Object.entries(rows)) {
      line(title, [churned, median, most, collectorMicros, lost].map(number), median > 5000 && "missed: 5 ms");
    }
  },

  rest({ cpuPercent, rssMiB }) {
    heading("at rest", "CPU %", "RSS MiB");
    const missed = cpuPercent > 0.5 || rssMiB > 80;
    line("monitor", [cpuPercent.toFixed(2), rssMiB.toFixed(0)], missed && "missed: 0.5 %, 80 MiB");
  },

  btf({ types, millis, most }) {
    heading("opening the kernel's types", "types", "ms", "most");
    line("and finding a first member", [types, millis, most].map(number), millis > 150 && "missed: 150 ms");
  },
};

function heading(title, ...columns) {
  print("");
  line(title, columns);
}

function line(title, cells, remark) {
  if (remark) misses++;
  print(`${title.padEnd(50)}${cells.map((cell) => String(cell).padStart(11)).join("")}${remark ? `   ${remark}` : ""}`);
}

function number(value) {
  return value === undefined ? "?" : Math.round(value).toLocaleString("en");
}
