// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { ErrorSpec } from './errors-page.ts'

type Errors = Readonly<Record<string, ErrorSpec>>

const header = `# Every error code: where it arises (room), what it means, what to do (hint), and the HTTP status where a reader answers
# with it. Compared with the code by tools/tidy.test.ts, shown in docs/reference/errors.md. People who work at the same time may put
# new codes into pieces, spec/errors.d/<area>.yaml; \`npm run generate\` folds them in.
`

/** The pieces that wait in spec/errors.d. */
export function waitingPieces(root: string): string[] {
  try {
    return readdirSync(join(root, 'spec/errors.d')).filter((name) => name.endsWith('.yaml'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** Folds the pieces into spec/errors.yaml and removes them. Throws when two of them explain one code differently. */
export function foldPieces(root: string): void {
  const place = join(root, 'spec/errors.yaml')
  const texts = waitingPieces(root).map((name) => readFileSync(join(root, 'spec/errors.d', name), 'utf8'))
  writeFileSync(place, folded(readFileSync(place, 'utf8'), texts))
  rmSync(join(root, 'spec/errors.d'), { recursive: true })
}

const rooms = ['core', 'store', 'capture', 'reader', 'cli', 'testing', 'fleet']

/** One text of them all, by room and then by code. */
export function folded(whole: string, pieces: readonly string[]): string {
  const all = new Map<string, ErrorSpec>()
  for (const text of [whole, ...pieces])
    for (const [code, spec] of Object.entries((parse(text) ?? {}) as Errors)) {
      const known = all.get(code)
      if (known !== undefined && stringify(known) !== stringify(spec) && text !== whole)
        throw new TypeError(`${code} is explained twice and differently; keep one of the two`)
      all.set(code, spec)
    }
  const blocks = rooms.flatMap((room) => {
    const codes = [...all].filter(([, spec]) => spec.room === room).toSorted(([a], [b]) => (a < b ? -1 : 1))
    return codes.length === 0
      ? []
      : [stringify(Object.fromEntries(codes), { lineWidth: 110, singleQuote: true })]
  })
  const homeless = [...all].filter(([, { room }]) => !rooms.includes(room)).map(([code]) => code)
  if (homeless.length > 0)
    throw new TypeError(`${homeless.join(', ')} name no room; rooms are ${rooms.join(', ')}`)
  return [header, ...blocks].join('\n')
}
