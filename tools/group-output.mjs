/** Stands at the beginning of a mark, and in no test's output. */
const start = "\u0002kernscope-test ";
const begin = `${start}begin `;
const end = `${start}end `;

/** What a process that runs several test files prints before it loads one. @param {string} file */
export function beginMark(file) {
  return `${begin}${file}\n`;
}

/** What it prints when a file's tests are done. @param {number | string} status What they would have it exit with. */
export function endMark(status) {
  return `${end}${status}\n`;
}

/**
 * One file's part. `trouble` is undefined where the file came to its end with status 0.
 *
 * @typedef {{ file: string, output: string, trouble: string | undefined, seconds: number }} Part
 */

/** Tells apart, as it comes, what the files of a group have printed. What comes after a file's end belongs to it, too. */
export class GroupOutput {
  /** What is not taken yet. */
  text = "";
  /** How many files were begun. */
  begun = 0;
  #began = 0;

  /** @param {string} text */
  write(text) {
    this.text += text;
  }

  /** Takes the files after which another one was begun. @returns {Part[]} */
  takeEnded() {
    const parts = [];
    for (let at = this.#first(); at !== -1; at = this.#first()) {
      if (this.begun > 0) parts.push(this.#part(this.text.slice(0, at)));
      const line = this.text.indexOf("\n", at);
      this.#file = this.text.slice(at + begin.length, line);
      this.text = this.text.slice(line + 1);
      this.#began = Date.now();
      this.begun++;
    }
    return parts;
  }

  /**
   * Takes the file that the process was at when it ended.
   *
   * @param {string | undefined} trouble What was wrong with the process's end.
   * @returns {Part | undefined} Undefined where it began none.
   */
  takeLast(trouble) {
    if (this.begun === 0) return undefined;
    const part = this.#part(this.text);
    return { ...part, trouble: trouble ?? part.trouble };
  }

  #file = "";

  /** Where the next whole begin mark is. */
  #first() {
    const at = this.text.indexOf(begin);
    return at !== -1 && this.text.includes("\n", at) ? at : -1;
  }

  /** @param {string} text @returns {Part} */
  #part(text) {
    const seconds = (Date.now() - this.#began) / 1000;
    const at = text.indexOf(end);
    if (at === -1) return { file: this.#file, output: text, trouble: "did not come to its end", seconds };
    const line = text.indexOf("\n", at);
    const status = text.slice(at + end.length, line);
    const output = text.slice(0, at) + text.slice(line + 1);
    return { file: this.#file, output, trouble: status === "0" ? undefined : `failed with status ${status}`, seconds };
  }
}
