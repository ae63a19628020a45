// SPDX-License-Identifier: Apache-2.0
import type { Trust } from '../../core/anchor.ts'
import type { Verdict } from '../../core/verdict.ts'
import { parseVerifyRange } from '../../reader/query.ts'
import { judgeCitations, parseCitation, type CitationVerdict } from '../citation.ts'
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { accepted } from '../filters.ts'
import { citationView, verdictView } from '../print/verdict-view.ts'
import { jsonLine } from '../../core/visible.ts'
import { isTrusting, trustOptions } from '../trust-options.ts'
import { targetOf, targetOptions, type Target } from '../target.ts'

export const name = 'verify'
export const summary = 'recompute hashes, links and columns of stored rows and say what holds'
export const description =
  'Recomputes every hash, link and column of the logs and prints a verdict: PASS (exit 0), FAIL (exit 3) with every break, or ' +
  'INCOMPLETE (exit 4) where there is not enough evidence, also when there was no row to check. With --expect it also ' +
  'compares rows with citations you kept elsewhere; with --key and --checkpoint, with signed checkpoints: both show a history ' +
  'that was rewritten as a whole. Without --key it uses the key of this machine, or the one that the log names, and says so.'
export const words = [{ name: 'target', summary: 'the same as --store', isFile: true }]

export const options: readonly OptionSpec[] = [
  { name: 'log', value: '<log>', summary: 'only this log, e.g. _/gateway/edge-07/audit' },
  {
    name: 'stream',
    value: '<stream>',
    summary: 'only logs of this stream',
    choices: ['audit', 'sys', 'api'],
  },
  { name: 'from-seq', value: '<number>', summary: 'first row to check', range: [0, Number.MAX_SAFE_INTEGER] },
  {
    name: 'to-seq',
    value: '<number>',
    summary: 'last row to check, inclusive',
    range: [0, Number.MAX_SAFE_INTEGER],
  },
  {
    name: 'expect',
    value: '<citation>',
    summary:
      'a row that must be there unchanged, as log#seq:hash or audit#seq:hash (8 to 64 hex); repeatable',
    isRepeatable: true,
  },
  {
    name: 'proof',
    value: '<file>',
    summary: 'check a .tlog-proof file instead, with --key or --policy; no store is needed',
    isFile: true,
  },
  ...trustOptions,
  { name: 'json', short: 'j', summary: 'the verdict as one JSON object' },
  { name: 'quiet', short: 'q', summary: 'print nothing; the exit code answers' },
  ...targetOptions,
]

export const examples = [
  ['fasten verify', 'every log of the store'],
  ['fasten verify --stream audit --json | jq .verdict', 'the verdict as data'],
  [
    'fasten verify --key auditor.keys --checkpoint last-year.txt',
    'against keys and a checkpoint that were kept elsewhere',
  ],
  ['fasten verify --proof refund.tlog-proof --key auditor.keys', 'one row, offline'],
  ['fasten verify --expect audit#8414:5ff73e2e', 'and row 8414 is still the one that was cited'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const proof = args.text('proof')
  if (proof !== undefined) {
    const { runProof } = await import('../proof-check.ts')
    return runProof(proof, args, world)
  }
  const target = patient(targetOf(args, world.env, args.words[0]))
  const citations = args.list('expect').map(parseCitation)
  const range = accepted(parseVerifyRange(searchOf(args), world.clock.nowMicros()))
  const trust = await trustFor(target, args, world)
  const reader = await world.openReader(target)
  try {
    const verdict = await told(world, () => reader.verify(range, world.signal, trust))
    const judged = await judgeCitations(citations, verdict, reader)
    if (args.flag('json'))
      await world.out.line(jsonLine(judged.length === 0 ? verdict : { ...verdict, citations: judged }))
    else if (!args.flag('quiet')) {
      await world.out.lines([
        ...citationView(judged, world.out.look),
        ...verdictView(verdict, world.out.look),
      ])
    }
    return exitCodeFor(verdict, judged)
  } finally {
    await reader.close()
  }
}

/** Whom to believe: what was given, and for a store of this machine its own key and memory. Nothing for a URL, unless something was given. */
export async function trustFor(target: Target, args: Args, world: World): Promise<Trust | undefined> {
  const { trustOf, withOwn } = await import('../signing.ts')
  if (target.kind === 'url') return isTrusting(args) ? trustOf(args, world) : undefined
  const { placesOf } = await import('../places.ts')
  return withOwn(trustOf(args, world), placesOf(target, world.env), world.env)
}

/** Checking every row of a large store takes a server longer than a page does. */
export function patient(target: Target): Target {
  return target.kind === 'url' && target.timeoutMs === undefined ? { ...target, timeoutMs: 600_000 } : target
}

/** A large store is silent for a while; somebody who watches is told that this is work, not a hang. */
async function told<T>(world: World, work: () => Promise<T>): Promise<T> {
  const say = (): void => void world.err.line('still verifying: every row is read and recomputed')
  const timer = world.err.isTerminal ? setTimeout(say, 2000) : undefined
  try {
    return await work()
  } finally {
    clearTimeout(timer)
  }
}

function searchOf(args: Args): URLSearchParams {
  const search = new URLSearchParams()
  for (const option of ['log', 'stream'] as const) {
    const value = args.text(option)
    if (value !== undefined) search.set(option, value)
  }
  for (const option of ['from-seq', 'to-seq'] as const) {
    const value = args.count(option)
    if (value !== undefined) search.set(option.replace('-', '_'), String(value))
  }
  return search
}

function exitCodeFor(verdict: Verdict, judged: readonly CitationVerdict[]): number {
  if (verdict.verdict === 'FAIL' || judged.some((each) => !each.holds)) return exitCodes.fail
  return verdict.verdict === 'PASS' ? exitCodes.ok : exitCodes.incomplete
}
