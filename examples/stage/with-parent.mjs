// SPDX-License-Identifier: Apache-2.0
// Preloaded into each process of the example: when whoever started it is gone, however that came, it ends as by SIGTERM.
const fromParent = /** @type {import('node:net').Socket} */ (process.stdin)
fromParent.once('end', () => process.kill(process.pid, 'SIGTERM'))
fromParent.resume().unref()
