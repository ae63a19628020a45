// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The repository as the rules see it: path (relative, forward slashes) to text. Samples in tests are trees too. */
export type Tree = ReadonlyMap<string, string>

/** One thing that a rule wants changed. */
export interface Finding {
  readonly path: string
  /** From 1; absent when the file as a whole is meant. */
  readonly line?: number
  /** What is wrong and what to do instead. */
  readonly message: string
}

export type Rule = (tree: Tree) => readonly Finding[]

/**
 * Every file that git tracks or would track, read as text. Binary files have a name and no text. Files deleted in the work tree and
 * anything over two megabytes are left out.
 */
export function readTree(root: string): Tree {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  if (listed.status !== 0) throw new Error(`git cannot list the files of ${root}: ${listed.stderr}`)
  const tree = new Map<string, string>()
  for (const path of listed.stdout
    .split('\0')
    .filter((name) => name !== '')
    .toSorted()) {
    const absolute = join(root, path)
    if (!existsSync(absolute) || statSync(absolute).size > 2 << 20 || statSync(absolute).isDirectory())
      continue
    const bytes = readFileSync(absolute)
    tree.set(path, bytes.includes(0) ? '' : bytes.toString('utf8'))
  }
  return tree
}

export const isCode = (path: string): boolean => /\.(ts|tsx|mts|mjs|js|cjs)$/.test(path)
export const isTest = (path: string): boolean =>
  /\.(test|torture|test-d)\.ts$/.test(path) || path.includes('/fixtures/')
/** Code that users run, tests aside: of packages, and of the pages that one of them serves. */
export const isShipped = (path: string): boolean =>
  /^packages\/[^/]+\/(src|page)\//.test(path) && isCode(path) && !isTest(path)

/** The line (from 1) in which `index` lies. */
export function lineAt(text: string, index: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line++
  return line
}
