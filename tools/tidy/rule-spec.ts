// SPDX-License-Identifier: Apache-2.0
import { posix } from 'node:path'
import { parse } from 'yaml'
import { blank } from './blank.ts'
import type { Manifest } from './rule-ladder.ts'
import { isCode, isShipped, lineAt, type Finding, type Tree } from './tree.ts'

/** Every vector says in words what it pins down. */
export function vectors(tree: Tree): readonly Finding[] {
  const findings: Finding[] = []
  for (const path of tree.keys()) {
    const folder = /^(spec\/vectors\/[^/]+\/[^/]+)\/[^/]+$/.exec(path)?.[1]
    if (folder === undefined) continue
    for (const file of ['case.json', 'README.md'])
      if (!tree.has(`${folder}/${file}`) && path === firstIn(folder, tree))
        findings.push({
          path: folder,
          message: `has no ${file}; a vector is a case.json beside a README.md that says what it pins down and why`,
        })
  }
  return findings
}

const firstIn = (folder: string, tree: Tree): string | undefined =>
  [...tree.keys()].find((path) => path.startsWith(`${folder}/`))

/** Codes that shipped code throws are explained in spec/errors.yaml (or a piece in spec/errors.d), and nothing is explained that is never thrown. */
export function errorCodes(tree: Tree): readonly Finding[] {
  const explained = new Map<string, string>()
  for (const [path, text] of tree)
    if (/^spec\/errors(\.d\/.*)?\.yaml$/.test(path))
      for (const code of Object.keys((parse(text) ?? {}) as Record<string, unknown>))
        explained.set(code, path)
  const findings: Finding[] = []
  const named = new Set<string>()
  for (const [path, text] of tree) {
    if (!isShipped(path)) continue
    const code = blank(text, ['comments'])
    for (const match of code.matchAll(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b/g)) named.add(match[0])
    for (const match of code.matchAll(/\bnew FastenError\(\s*['"`]([A-Z0-9_]+)['"`]/g))
      if (!explained.has(match[1] ?? ''))
        findings.push({
          path,
          line: lineAt(text, match.index),
          message: `${match[1]} is thrown and explained nowhere; add it to spec/errors.yaml with room, meaning and hint`,
        })
  }
  for (const [code, path] of explained)
    if (!named.has(code))
      findings.push({
        path,
        message: `${code} is explained here and thrown nowhere; delete the entry or throw the code`,
      })
  return findings
}

/** Variables that shipped code reads are described in spec/env.yaml, and nothing is described that is never read. */
export function environment(tree: Tree): readonly Finding[] {
  const path = 'spec/env.yaml'
  const described = Object.keys((parse(tree.get(path) ?? '{}') ?? {}) as Record<string, unknown>)
  const findings: Finding[] = []
  const read = new Set<string>()
  for (const [file, text] of tree) {
    if (!isShipped(file)) continue
    // Elsewhere the prefix also marks the codes of process warnings.
    const readsEnvironment = /\/(capture\/(config|settings)|cli\/.*)\.ts$/.test(file)
    for (const match of blank(text, ['comments']).matchAll(
      /(?<![A-Za-z0-9_])FASTEN_[A-Z][A-Z0-9_]*(?![A-Z0-9_*])/g,
    )) {
      const name = match[0]
      if (readsEnvironment && !described.includes(name) && !read.has(name))
        findings.push({
          path: file,
          line: lineAt(text, match.index),
          message: `${name} is not in ${path}; describe it there with type, default, unit and meaning`,
        })
      read.add(name)
    }
  }
  for (const name of described)
    if (!read.has(name))
      findings.push({ path, message: `${name} is described and nothing reads it; delete the entry` })
  return findings
}

/** The same of the variables of a fleet server, which are all read in one folder. */
export function fleetEnvironment(tree: Tree): readonly Finding[] {
  const path = 'spec/fleet-env.yaml'
  const reader = 'packages/fleet/src/config/config.ts'
  const texts = [...tree].filter(([file]) =>
    /^packages\/fleet\/src\/config\/[^/]+(?<!\.test)\.ts$/.test(file),
  )
  const described = Object.keys((parse(tree.get(path) ?? '{}') ?? {}) as Record<string, unknown>)
  const named = texts.flatMap(([, text]) => [
    ...blank(text, ['comments']).matchAll(/^ {2}(FLEET_[A-Z0-9_]+):/gm),
  ])
  const read = named.map(([, name = '']) => name)
  return [
    ...read
      .filter((name) => !described.includes(name))
      .map((name) => ({
        path: reader,
        message: `${name} is not in ${path}; describe it there with type, default, unit and meaning`,
      })),
    ...described
      .filter((name) => !read.includes(name))
      .map((name) => ({ path, message: `${name} is described and nothing reads it; delete the entry` })),
  ]
}

/** The doors of the package lead somewhere, and the built file of each is the twin of its source. */
export function exportsMap(tree: Tree): readonly Finding[] {
  const path = 'packages/fasten/package.json'
  const manifest = JSON.parse(tree.get(path) ?? '{}') as Manifest
  const findings: Finding[] = []
  for (const [door, target] of Object.entries(manifest.exports ?? {})) {
    if (typeof target === 'string') continue
    const source = target['fasten-source'] ?? ''
    if (!tree.has(posix.join('packages/fasten', source)))
      findings.push({
        path,
        message: `exports['${door}'] names ${source}, which does not exist; write it or take the door out`,
      })
    const twin = source.replace('./src/', './dist/').replace(/\.ts$/, '')
    if (target['types'] !== `${twin}.d.ts` || target['default'] !== `${twin}.js`)
      findings.push({
        path,
        message: `exports['${door}'] should name ${twin}.d.ts as types and ${twin}.js as default`,
      })
    const order = Object.keys(target).join(' ')
    if (order !== 'fasten-source types default')
      findings.push({
        path,
        message: `exports['${door}'] has its conditions as '${order}'; the order is fasten-source types default`,
      })
  }
  return findings
}

/** Links between pages lead somewhere. */
export function links(tree: Tree): readonly Finding[] {
  const findings: Finding[] = []
  const folders = new Set([...tree.keys()].flatMap((path) => ancestors(path)))
  for (const [path, text] of tree) {
    if (!path.endsWith('.md')) continue
    const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, (block) => block.replace(/[^\n]/g, ' '))
    const targets = [...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)|\b(?:src|srcset|href)="([^"]+)"/g)]
    for (const match of targets) {
      const link = match[1] ?? match[2] ?? ''
      if (/^([a-z]+:|#|\/)/.test(link)) continue
      const file = posix.join(posix.dirname(path), decodeURI(link.split('#')[0] ?? '')).replace(/\/$/, '')
      if (!tree.has(file) && !folders.has(file))
        findings.push({
          path,
          line: lineAt(text, match.index),
          message: `the link to ${link} leads nowhere; mend it or write the page`,
        })
    }
  }
  return findings
}

function ancestors(path: string): string[] {
  const folder = posix.dirname(path)
  return folder === '.' ? ['.'] : [folder, ...ancestors(folder)]
}

/** A question rather than a verdict: which two ideas live in this file? Never fails a build. */
export function longFiles(tree: Tree, linesMax = 400): readonly string[] {
  return [...tree]
    .filter(([path]) => isCode(path))
    .map(([path, text]) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > linesMax)
    .toSorted((a, b) => b.lines - a.lines)
    .map(({ path, lines }) => `${path} has ${lines} lines: which two ideas live there?`)
}
