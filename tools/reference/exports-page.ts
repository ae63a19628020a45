// SPDX-License-Identifier: Apache-2.0
import { posix } from 'node:path'
import { blank } from '../tidy/blank.ts'
import type { Manifest } from '../tidy/rule-ladder.ts'
import type { Tree } from '../tidy/tree.ts'
import { code, page, table } from './page.ts'

export interface Export {
  readonly name: string
  readonly kind: 'function' | 'constant' | 'class' | 'type'
  /** First sentence of its docstring. */
  readonly summary: string
}

export function exportsPage(tree: Tree): string {
  const manifest = JSON.parse(tree.get('packages/fasten/package.json') ?? '{}') as Manifest
  const doors = Object.entries(manifest.exports ?? {}).flatMap(([door, target]) => {
    if (typeof target === 'string') return []
    const path = posix.join('packages/fasten', target['fasten-source'] ?? '')
    return [{ name: posix.join('fasten', door), path, exports: tree.has(path) ? exportsOf(path, tree) : [] }]
  })
  return page('What can be imported', "the package's exports map and the docstrings in the code", [
    'These doors are the whole public surface; nothing else of the package can be imported. All names are named exports; ' +
      '`fasten` alone also has a default export, an object with the same functions.',
    table(
      ['Door', 'Names'],
      doors.map(({ name, exports }) => [`[${code(name)}](#${anchor(name)})`, String(exports.length)]),
    ),
    ...doors.flatMap(({ name, exports }) => [
      `## ${name}`,
      table(
        ['Name', 'Kind', 'In one sentence'],
        exports.map((each) => [code(each.name), each.kind, each.summary]),
      ),
    ]),
  ])
}

const anchor = (door: string): string => door.replace(/[^a-z0-9_-]/g, '')

/** The exports of a file, followed through re-exports to where each is written down. */
export function exportsOf(path: string, tree: Tree): readonly Export[] {
  const source = tree.get(path) ?? ''
  const text = blank(source, ['comments'])
  const found: Export[] = []
  for (const match of text.matchAll(/^export (type )?\{([^}]*)\}(?: from '([^']+)')?/gm)) {
    const [, typeOnly, list = '', from] = match
    const target = from === undefined ? path : posix.join(posix.dirname(path), from)
    for (const item of list
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '')) {
      const isType = typeOnly !== undefined || item.startsWith('type ')
      const [original = '', alias = original] = item.replace(/^type /, '').split(/\s+as\s+/)
      const definition = definitionOf(original, target, tree)
      if (alias !== 'default')
        found.push({ name: alias, kind: isType ? 'type' : definition.kind, summary: definition.summary })
    }
  }
  for (const match of text.matchAll(
    /^export (?:declare )?(?:async )?(?:function\*?|const|class|interface|type) (\w+)/gm,
  )) {
    const name = match[1] ?? ''
    // Overloads repeat the name.
    if (!found.some((each) => each.name === name)) found.push({ name, ...definitionOf(name, path, tree) })
  }
  return found.toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
}

const rank = ({ kind }: Export): number => (kind === 'type' ? 1 : 0)

function definitionOf(name: string, path: string, tree: Tree): Pick<Export, 'kind' | 'summary'> {
  const source = tree.get(path) ?? ''
  const pattern = new RegExp(
    `^(?:export )?(?:default )?(?:declare )?(?:async )?(function\\*?|const|class|interface|type) ${name}\\b`,
    'm',
  )
  const match = pattern.exec(source)
  if (match === null) {
    const passedOn = new RegExp(`\\{[^}]*\\b${name}\\b[^}]*\\} from '([^']+)'`).exec(
      blank(source, ['comments']),
    )?.[1]
    if (passedOn === undefined || !passedOn.startsWith('.')) return { kind: 'constant', summary: '' }
    return definitionOf(name, posix.join(posix.dirname(path), passedOn), tree)
  }
  return { kind: kindOf(match[1] ?? '', source, match.index), summary: docAbove(source, match.index) }
}

function kindOf(keyword: string, source: string, index: number): Export['kind'] {
  if (keyword.startsWith('function')) return 'function'
  if (keyword === 'class') return 'class'
  if (keyword === 'interface' || keyword === 'type') return 'type'
  const line = source.slice(index, index + 300)
  return /^[^=]*=\s*(async\s*)?(<[^>]*>\s*)?\([^)]*\)[^=;{]*=>/.test(line) ? 'function' : 'constant'
}

/** The first sentence of the docstring that ends right above `index`. */
function docAbove(source: string, index: number): string {
  const doc =
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/[^\n]*\n\s*)*$/.exec(source.slice(0, index))?.[1] ?? ''
  const text = doc
    .replace(/^\s*\* ?/gm, '')
    .replace(/\s+/g, ' ')
    .trim()
  return /^(.*?[.:;])(?=\s+[A-Z`]|\s*$)/.exec(text)?.[1]?.replace(/[:;]$/, '.') ?? text
}
