// SPDX-License-Identifier: Apache-2.0

/** What time it is on this machine; microseconds since 1970. The one place that asks, so that everything else is given it. */
export const nowMicros = (): number => Date.now() * 1000
