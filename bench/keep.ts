// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawPicture, type Results } from './picture.ts'

/**
 * Writes the figures of a run where readers find them: as data, as a picture, and as the tables of the README. Of a run with
 * `--only <group>` it writes that group's own data and tables and leaves those of the last full run alone.
 */
export function keep(results: Results, said: readonly string[], only?: string): void {
  const name = only === undefined ? 'figures' : `figures of ${only}`
  write(
    join(import.meta.dirname, 'results'),
    `${only ?? 'latest'}.json`,
    `${JSON.stringify(results, null, 2)}\n`,
  )
  if (only === undefined)
    write(join(import.meta.dirname, '..', 'docs', 'pictures'), 'bench.svg', drawPicture(results))
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [before, rest = ''] = readme.split(start)
  const after = rest.split(end)[1]
  if (after === undefined) throw new TypeError(`bench/README.md has no place for the ${name}`)
  const figures = `${start}\n\n\`\`\`\n${said.join('\n')}\n\`\`\`\n\n${end}`
  write(import.meta.dirname, 'README.md', `${before}${figures}${after}`)
}

function write(folder: string, name: string, text: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), text)
}
