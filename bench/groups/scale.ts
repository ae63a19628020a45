// SPDX-License-Identifier: Apache-2.0

/** How much work a run does. */
export interface Scale {
  readonly rounds: number
  /** Rounds run first and thrown away. */
  readonly warmRounds: number
  readonly calls: number
  readonly warmCalls: number
  readonly pacedMs: number
  readonly rows: number
  readonly idleMs: number
  /** The group `fleet`: rows that a fleet is filled with, nodes that they come from, rows that are pushed, and how often a question is asked. */
  readonly fleet: {
    readonly rows: number
    readonly nodes: number
    readonly pushed: number
    readonly asked: number
  }
  /** The group `pages`: rows behind what is looked at, times it is opened, keys pressed, and rows followed: an hour of 55 a second, compressed. */
  readonly pages: {
    readonly rows: number
    readonly views: number
    readonly presses: number
    readonly tailed: number
    readonly perSecond: number
  }
}

/** Several minutes; the figures that are published. */
export const full: Scale = {
  rounds: 5,
  warmRounds: 1,
  calls: 100_000,
  warmCalls: 30_000,
  pacedMs: 2000,
  rows: 100_000,
  idleMs: 2000,
  fleet: { rows: 10_000_000, nodes: 40, pushed: 45_000, asked: 300 },
  pages: { rows: 1_000_000, views: 15, presses: 200, tailed: 200_000, perSecond: 2000 },
}

/** Under a minute; enough to notice a large move. */
export const quick: Scale = {
  rounds: 1,
  warmRounds: 0,
  calls: 20_000,
  warmCalls: 10_000,
  pacedMs: 600,
  rows: 10_000,
  idleMs: 500,
  fleet: { rows: 200_000, nodes: 8, pushed: 12_000, asked: 40 },
  pages: { rows: 20_000, views: 3, presses: 40, tailed: 4000, perSecond: 2000 },
}
