// SPDX-License-Identifier: Apache-2.0
import { globSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { ContractResult } from '../jobs/contract-reporter.mjs'
import { root } from '../setup/root.mjs'
import { crowdTable } from './crowds.ts'

/** A suite that was passed over as a whole, because its server is not here. */
export interface NotRun {
  readonly skipped: string
  readonly reason: string
}

/** The test files that hold a transport against the contract. */
export function carrierTests(): readonly string[] {
  return globSync('packages/fasten/src/**/*.test.ts', { cwd: root })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => /describeCarrier(<.*>)?\(/.test(readFileSync(join(root, path), 'utf8')))
    .toSorted()
}

/** docs/carriers.md: which transport kept which promise in one run. */
export function carrierPage(found: readonly (ContractResult | NotRun)[]): string {
  const results = found
    .filter((one) => 'cases' in one)
    .toSorted((one, other) => (one.name.toLowerCase() < other.name.toLowerCase() ? -1 : 1))
  const notRun = found.filter((one) => 'skipped' in one)
  const titles = [...new Set(results.flatMap(({ cases }) => cases.map(({ title }) => title)))]
  const reasons: string[] = []
  const note = (reason: string): string => {
    if (!reasons.includes(reason)) reasons.push(reason)
    return `[${reasons.indexOf(reason) + 1}]`
  }
  const marks = { passed: '✓', failed: '✗', skipped: '–' } as const
  const rows = results.map(({ name, cases, inTheAir }) => {
    const cells = titles.map((title) => {
      const one = cases.find((each) => each.title === title)
      if (one === undefined) return ''
      return `${marks[one.outcome]}${one.reason === '' ? '' : ` ${note(one.reason)}`}`
    })
    return `| ${[name, ...cells, inTheAir.toLocaleString('en-US')].join(' | ')} |`
  })
  const head = ['Transport', ...titles.map((_, index) => letter(index)), 'In the air']
  return `${[
    '# Transports held against the carrier contract',
    '<!-- Written by npm run carriers. -->',
    'Each line is a transport, run through the real thing: the server, socket, thread or process that it is. Each column is a promise of the contract\n' +
      '(`describeCarrier` in `fasten/testing`, which [your own transport](guides/your-transport.md) can be held against too):',
    titles.map((title, index) => `- **${letter(index)}** ${title}`).join('\n'),
    `| ${head.join(' | ')} |\n|${head.map(() => '---|').join('')}\n${rows.join('\n')}`,
    ...(reasons.length === 0 ? [] : [reasons.map((reason, index) => `[${index + 1}] ${reason}`).join('\n')]),
    ...notRun.map(({ skipped, reason }) => `Not run here: **${skipped}**, ${reason}.`),
    '*In the air* is how many messages were under way at once while the contract looked for ids that had crossed; it found none.',
    '## Twenty thousand',
    'Twenty thousand pieces of work of each transport, from as many requests or from some thousands, look again and again whom they are done for. None may see the id\n' +
      'of another. Where one connection, one worker or one pool takes no more, some are under way together and the others wait behind them.',
    crowdTable(),
    'Workers of graphile-worker and Agenda, and the sockets of HTTP, had fewer under way than they were allowed; each test says how many. Streams of gRPC\n' +
      'and answers of HTTP that last are not among these.',
  ].join('\n\n')}\n`
}

const letter = (index: number): string => String.fromCodePoint(65 + index)
