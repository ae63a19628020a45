// SPDX-License-Identifier: Apache-2.0

/** `npm run torture` runs the same files at full length. */
export const isTorture = process.env['FAULTS_SUITE'] === 'torture'

/** How often a row attacks: in `npm test`, and in `npm run torture`. */
export const times = (counts: { readonly short: number; readonly long: number }): number =>
  isTorture ? counts.long : counts.short

/** For `skip`: a look that costs a server of its own, where the same promise has a shorter look on another engine. */
export const onlyTorture: string | false = isTorture ? false : 'at full length only: npm run torture -- row-'
