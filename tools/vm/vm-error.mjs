/**
 * - `unavailable`: qemu, a kernel or another package cannot be had here.
 * - `usage`: the command line is wrong.
 *
 * @typedef {"unavailable" | "usage"} VmErrorCode
 */

/** The one error of the VM test bed. The message reads `operation(subject): cause – remedy`. */
export class VmError extends Error {
  /**
   * @param {VmErrorCode} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "VmError";
    this.code = code;
  }
}
