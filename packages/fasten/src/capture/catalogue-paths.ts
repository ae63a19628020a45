// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'

/** The ends by which catalogue files are known inside a folder. */
const catalogueName = /\.codes\.(?:ya?ml|json)$/
const magic = /[*?{[]/

/**
 * Absolute paths of the files that a path or pattern means, sorted: a file is itself, a folder is every `*.codes.yaml` (or `.yml`,
 * `.json`) below it, and a pattern may use `*`, `**`, `?`, `[…]` and `{a,b}`. Folders named node_modules and those that begin with a
 * dot are not entered. Empty when there is nothing.
 */
export function cataloguePaths(pattern: string, folder: string): readonly string[] {
  const path = resolve(folder, pattern)
  // A name that is there is meant literally, whatever characters it has.
  if (existsSync(path))
    return statSync(path).isDirectory() ? filesBelow(path).filter((file) => catalogueName.test(file)) : [path]
  if (!magic.test(pattern)) return []
  const parts = path.split(sep)
  const fixed = parts.findIndex((part) => magic.test(part))
  const base = parts.slice(0, fixed).join(sep) || sep
  if (!existsSync(base)) return []
  const matches = patternOf(parts.slice(fixed).join('/'))
  const start = base.endsWith(sep) ? base.length : base.length + 1
  return filesBelow(base).filter((file) => matches.test(file.slice(start).split(sep).join('/')))
}

function filesBelow(folder: string): string[] {
  const files: string[] = []
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isFile() || (entry.isSymbolicLink() && isFile(path))) files.push(path)
    else if (entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
      files.push(...filesBelow(path))
  }
  return files.sort()
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

function patternOf(glob: string): RegExp {
  let source = ''
  let isInBraces = false
  for (let at = 0; at < glob.length; at++) {
    const character = glob[at] as string
    if (glob.startsWith('**/', at)) {
      source += '(?:[^/]+/)*'
      at += 2
    } else if (glob.startsWith('**', at)) {
      source += '.*'
      at += 1
    } else if (character === '*') source += '[^/]*'
    else if (character === '?') source += '[^/]'
    else if (character === '{' && glob.includes('}', at)) {
      source += '(?:'
      isInBraces = true
    } else if (character === '}' && isInBraces) {
      source += ')'
      isInBraces = false
    } else if (character === ',' && isInBraces) source += '|'
    else if (character === '[' && glob.includes(']', at + 2)) {
      const end = glob.indexOf(']', at + 2)
      const set = glob
        .slice(at + 1, end)
        .replace(/^!/, '^')
        .replace(/[\\[]/g, '\\$&')
      source += `[${set}]`
      at = end
    } else source += character.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  }
  return new RegExp(`^${source}$`, 'u')
}
