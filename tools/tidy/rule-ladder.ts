// SPDX-License-Identifier: Apache-2.0
import { importsOf } from './imports.ts'
import { isCode, isShipped, isTest, lineAt, type Finding, type Tree } from './tree.ts'

/** Which rooms a room of each package may import. The order is the ladder; capture and reader stand on the same rung. */
const mayImport: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  fasten: {
    core: ['core'],
    store: ['core', 'store'],
    capture: ['core', 'store', 'capture'],
    reader: ['core', 'store', 'reader'],
    cli: ['core', 'store', 'capture', 'reader', 'cli'],
    testing: ['core', 'store', 'capture', 'reader', 'testing'],
  },
  web: {
    model: ['model'],
    truth: ['truth'],
    ask: ['model', 'truth', 'ask'],
    parts: ['model', 'truth', 'ask', 'parts'],
    screens: ['model', 'truth', 'ask', 'parts', 'screens'],
    theme: ['theme'],
    // For servers, which have no page.
    serve: ['serve'],
    node: ['serve', 'node'],
  },
  tui: {
    model: ['model'],
    view: ['model', 'view'],
    ask: ['model', 'ask'],
    screen: ['model', 'view', 'ask', 'screen'],
    cli: ['model', 'view', 'ask', 'screen', 'cli'],
  },
  fleet: {
    config: ['config'],
    database: ['config', 'database'],
    trail: ['config', 'database', 'trail'],
    access: ['config', 'database', 'trail', 'access', 'web'],
    web: ['config', 'database', 'trail', 'web'],
    nodes: ['config', 'database', 'trail', 'access', 'web', 'nodes'],
    ingest: ['config', 'database', 'trail', 'access', 'web', 'nodes', 'ingest'],
    metrics: ['config', 'database', 'trail', 'access', 'web', 'metrics'],
    query: ['config', 'database', 'trail', 'access', 'web', 'query'],
    retention: ['config', 'database', 'trail', 'access', 'web', 'retention'],
    server: [
      'config',
      'database',
      'trail',
      'access',
      'web',
      'nodes',
      'ingest',
      'metrics',
      'query',
      'retention',
      'server',
    ],
    cli: [
      'config',
      'database',
      'trail',
      'access',
      'web',
      'nodes',
      'ingest',
      'metrics',
      'query',
      'retention',
      'server',
      'cli',
    ],
    testing: [
      'config',
      'database',
      'trail',
      'access',
      'web',
      'nodes',
      'ingest',
      'metrics',
      'query',
      'retention',
      'server',
      'testing',
    ],
  },
}

/** Of packages that others install into applications of theirs: what they import, all of their users get. */
const libraries: ReadonlySet<string> = new Set(['fasten'])

interface Room {
  readonly of: string
  readonly name: string
}

function roomOf(path: string): Room | undefined {
  const [, of, name] = /^packages\/([^/]+)\/(?:src|page)\/([^/]+)\//.exec(path) ?? []
  return of === undefined || name === undefined ? undefined : { of, name }
}

/** Imports point down the ladder, carry their ending, and bring no package along that the user did not choose. */
export function ladder(tree: Tree): readonly Finding[] {
  const findings: Finding[] = []
  for (const path of tree.keys()) {
    if (!isCode(path)) continue
    const room = roomOf(path)
    const text = tree.get(path) ?? ''
    for (const { specifier, target, kind, index } of importsOf(path, tree)) {
      const say = (message: string): void => void findings.push({ path, line: lineAt(text, index), message })
      if (room !== undefined && !isTest(path)) {
        const above = target === undefined ? undefined : roomOf(target)
        if (above !== undefined && above.of !== room.of)
          say(`${room.of} may not reach into ${above.of}; import from a door of the package`)
        else if (above !== undefined && !(mayImport[room.of]?.[room.name] ?? []).includes(above.name))
          say(
            `${room.name} may not import ${above.name}; imports point down (${ladderOf(room.of)}): ` +
              `move what both need to a lower room, or hand it in as an argument`,
          )
        if (target !== undefined && isTest(target))
          say(`shipped code may not import the test file ${target}; move it out`)
        if (room.of === 'fasten' && room.name === 'core' && specifier.startsWith('node:'))
          say(
            `core runs in a browser and may not import ${specifier}; take a port (Clock, Digest, IdSource) as an argument`,
          )
        if (libraries.has(room.of) && isForeign(specifier) && kind === 'value')
          say(
            `'${specifier}' would become a dependency of every user; let them hand the object in, ` +
              `import only its types, or import it lazily where it is used`,
          )
      }
      if (specifier.startsWith('.') && target === undefined && !specifier.includes('dist/'))
        say(`'${specifier}' is no file of the repository; write the path with its ending, as in './row.ts'`)
      if (path.startsWith('examples/') && /packages\/[^/]+\/src/.test(specifier))
        say(`an example uses the library as a user does; import from 'fasten' instead of '${specifier}'`)
    }
  }
  return findings
}

function ladderOf(of: string): string {
  if (of === 'fasten') return 'core ← store ← capture | reader ← cli'
  return Object.keys(mayImport[of] ?? {}).join(' ← ')
}

const isForeign = (specifier: string): boolean => !/^(\.|node:|#)/.test(specifier)

/** No file needs, at load time, a file that needs it. */
export function noCycles(tree: Tree): readonly Finding[] {
  const files = [...tree.keys()].filter(isCode)
  const state = new Map<string, 'open' | 'done'>()
  const findings: Finding[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      const ring = [...trail.slice(trail.indexOf(path)), path].map((file) =>
        file.replace('packages/fasten/src/', ''),
      )
      findings.push({
        path,
        message: `imports itself in a circle (${ring.join(' → ')}); move what two of them share into a file of its own`,
      })
      return
    }
    state.set(path, 'open')
    for (const { target, kind } of importsOf(path, tree))
      if (target !== undefined && kind === 'value') visit(target, [...trail, path])
    state.set(path, 'done')
  }
  for (const path of files) visit(path, [])
  return findings
}

/**
 * Every file is there for somebody: shipped code is reachable from a door (the exports map, the bin), tools from a command
 * or a test. A file that only tests reach is a helper of tests and belongs in testing/ or fixtures/.
 */
export function noUnreachable(tree: Tree): readonly Finding[] {
  const findings: Finding[] = []
  const fromDoors = closure(doorsOf(tree), tree)
  const fromTests = closure([...tree.keys()].filter(isTest), tree)
  for (const path of tree.keys()) {
    if (isShipped(path) && !fromDoors.has(path))
      findings.push({
        path,
        message: fromTests.has(path)
          ? 'only tests use this file; move it to src/testing (and export it there) or to a fixtures folder, or put it to use'
          : 'nothing imports this file; put it to use, add it to the exports map, or delete it',
      })
    if (
      /^tools\/.*\.(ts|mjs)$/.test(path) &&
      !isTest(path) &&
      !fromTests.has(path) &&
      !isMentioned(path, tree)
    )
      findings.push({
        path,
        message: 'no command, test or page mentions this tool; wire it into tools/run.mjs or delete it',
      })
  }
  return findings
}

/** Source files named in the exports map of each package, and its bin. */
export function doorsOf(tree: Tree): readonly string[] {
  return [...tree.keys()]
    .filter((path) => /^packages\/[^/]+\/package\.json$/.test(path))
    .flatMap((path) => [
      ...doorsIn(tree, path.replace('package.json', '')),
      // Where a page begins: its index.html names it.
      ...(tree.has(path.replace('package.json', 'page/main.tsx'))
        ? [path.replace('package.json', 'page/main.tsx')]
        : []),
    ])
}

function doorsIn(tree: Tree, home: string): readonly string[] {
  const manifest = JSON.parse(tree.get(`${home}package.json`) ?? '{}') as Manifest
  const doors = Object.values(manifest.exports ?? {}).flatMap((door) =>
    typeof door === 'string' ? [] : [door['fasten-source'] ?? ''],
  )
  const bins = Object.values(manifest.bin ?? {}).map((path) =>
    path.replace('./dist/', './src/').replace(/\.js$/, '.ts'),
  )
  return [...doors, ...bins].map((path) => path.replace('./', home))
}

export interface Manifest {
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin?: Readonly<Record<string, string>>
}

function closure(starts: readonly string[], tree: Tree): ReadonlySet<string> {
  const reached = new Set<string>()
  const queue = starts.filter((path) => tree.has(path))
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    for (const { target } of importsOf(path, tree)) if (target !== undefined) queue.push(target)
  }
  return reached
}

/** Named by its path in another file (a command, a page), or imported by another tool. */
function isMentioned(path: string, tree: Tree): boolean {
  return [...tree].some(
    ([other, text]) =>
      other !== path &&
      (text.includes(path) ||
        (other.startsWith('tools/') && importsOf(other, tree).some(({ target }) => target === path))),
  )
}
