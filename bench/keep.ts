// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawPicture, type Results } from './picture.ts'

/** Writes the figures of a run where readers find them: as data, as a picture, and as the tables of the README. */
export function keep(results: Results, said: readonly string[]): void {
  write(join(import.meta.dirname, 'results'), 'latest.json', `${JSON.stringify(results, null, 2)}\n`)
  write(join(import.meta.dirname, '..', 'docs', 'pictures'), 'bench.svg', drawPicture(results))
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  const figures = `<!-- figures -->\n\n\`\`\`\n${said.join('\n')}\n\`\`\`\n\n<!-- /figures -->`
  // A function, because the tables may hold what a replacement text would take for a pattern.
  const replaced = readme.replace(/<!-- figures -->[^]*<!-- \/figures -->/, () => figures)
  write(import.meta.dirname, 'README.md', replaced)
}

function write(folder: string, name: string, text: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), text)
}
