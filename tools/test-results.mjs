/**
 * Reads uvu's closing totals out of one test file's output.
 *
 * @param {string} output what the file printed
 * @param {string | undefined} trouble why the process did not end by itself with status 0
 * @returns {{ passed: number, failed: number, skipped: number, reason: string }}
 */
export function countResults(output, trouble) {
  const total = last(output, /^\s*Total:\s+(\d+)\s*$/gm);
  const passed = last(output, /^\s*Passed:\s+(\d+)\s*$/gm) ?? 0;
  const skipped = last(output, /^\s*Skipped:\s+(\d+)\s*$/gm) ?? 0;
  if (total === undefined) return { passed: 0, failed: 1, skipped: 0, reason: trouble ?? "no totals: .run() missing?" };
  const failed = total - passed;
  if (failed > 0) return { passed, failed, skipped, reason: trouble ?? "failed tests" };
  if (trouble !== undefined) return { passed, failed: 1, skipped, reason: trouble };
  if (total + skipped === 0) return { passed, failed: 1, skipped, reason: "no test in it" };
  return { passed, failed, skipped, reason: "" };
}

/** Lines of a failed test's report that are told of it, its name among them. */
const TOLD_LINES = 25;

/** The reports of the tests that failed, each cut to its beginning. @param {string} output @returns {string[]} */
export function failedTests(output) {
  const reports = output.split(/^(?=\s*FAIL {2})/m).slice(1);
  return reports.flatMap((report) =>
    report
      .split("\n")
      .filter((line) => line.trim() !== "")
      .slice(0, TOLD_LINES),
  );
}

function last(text, pattern) {
  const found = [...text.matchAll(pattern)].at(-1);
  return found === undefined ? undefined : Number(found[1]);
}
