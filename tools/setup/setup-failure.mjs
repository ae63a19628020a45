// SPDX-License-Identifier: Apache-2.0

/** The machine is not ready and we could not make it so. Told to a person, then exit status 1. */
export class SetupFailure extends Error {
  /** @override */
  name = 'SetupFailure'
  /**
   * @param {string} message what did not work
   * @param {string} remedy what to do about it
   * @param {readonly string[]} [said] lines of the program that failed
   */
  constructor(message, remedy, said = []) {
    super(message)
    this.remedy = remedy
    this.said = said
  }

  toText() {
    return [...this.said, `${this.message}: ${this.remedy}`].join('\n')
  }
}
