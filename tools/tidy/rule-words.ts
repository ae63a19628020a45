// SPDX-License-Identifier: Apache-2.0
import { blank } from './blank.ts'
import { isCode, isShipped, isTest, lineAt, type Finding, type Tree } from './tree.ts'

/** A thing that must not be called, where it may be all the same, and what to use instead. */
interface Ban {
  readonly pattern: RegExp
  readonly remedy: string
  /** Paths below a package's src, or its page, where it is at home. */
  readonly allowed?: RegExp
}

const bans: readonly Ban[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(\s*\)/g,
    remedy: 'time is handed in: take a Clock (core/clock.ts), so that tests decide what time it is',
    // The clock adapter itself.
    allowed: /^(store\/platform|ask\/now)\.ts$/,
  },
  {
    pattern: /\bperformance\.now\(|\bprocess\.hrtime\b/g,
    remedy: 'durations below the shims come from Clock.monotonicNanos (core/clock.ts)',
    allowed: /^(store\/platform\.ts$|capture\/shims\/|cli\/)/,
  },
  {
    pattern: /\bMath\.random\b/g,
    remedy:
      'ids and salts come from an IdSource (core/ids.ts), so that tests repeat and secrets are unguessable',
  },
  {
    pattern: /\bprocess\.env\b/g,
    remedy: 'only capture/config.ts and cli/main.ts read the environment; take the value as an argument',
    allowed: /^(capture\/config|cli\/main)\.ts$/,
  },
  {
    pattern: /\bnew Error\(|\bthrow Error\(/g,
    remedy:
      "a caller's mistake is a TypeError; the world's unkindness is a FastenError with a code of spec/errors.yaml",
  },
  {
    pattern: /\bconsole\.\w+/g,
    remedy: 'a library does not talk on its own; use the log port, or the Out that commands are given',
  },
  {
    pattern: /\bJSON\.parse\b|\.json\(\s*\)/g,
    remedy: 'engines read some names wrong (docs/decisions/0037): take readJson of core/read-json.ts',
    // Itself; and what gives the engine numbers and single strings only, which have no names.
    allowed: /^core\/(read-json|json-tokens|leaf-scan)\.ts$/,
  },
  {
    pattern: /:\s*any\b(?!\s*\()|\bas any\b|<any\b|\bany\[\]|,\s*any>/g,
    remedy: 'say what is known: a type, `unknown`, or a type parameter',
  },
  { pattern: /\beval\(|\bnew Function\(/g, remedy: 'no code is made at run time; write a function' },
  {
    pattern: /\bexport default\b/g,
    remedy: 'give it a name: `export function …` (only capture/index.ts has a default, for `import fasten`)',
    allowed: /^capture\/index\.ts$/,
  },
  {
    pattern: /\bcatch\s*(\([^)]*\)\s*)?\{\s*\}/g,
    remedy: 'a swallowed error says why: handle it, count it, or write the reason into the braces',
  },
]

/** Shipped code takes time, chance, environment and output as arguments, and fails with codes. */
export function banned(tree: Tree): readonly Finding[] {
  const findings: Finding[] = []
  for (const [path, text] of tree) {
    if (!isShipped(path)) continue
    const code = blank(text, ['comments', 'strings'])
    const place = path.replace(/^packages\/[^/]+\/(src|page)\//, '')
    for (const { pattern, remedy, allowed } of bans) {
      if (allowed?.test(place)) continue
      for (const match of code.matchAll(pattern)) {
        // A catch whose braces hold only a comment has said why.
        const original = text.slice(match.index, match.index + match[0].length)
        if (match[0].startsWith('catch') && /\/[/*]/.test(original)) continue
        findings.push({ path, line: lineAt(text, match.index), message: `\`${original.trim()}\`: ${remedy}` })
      }
    }
    // Near, not merely in the same file: quoting a name for a message is no crime.
    for (const match of code.matchAll(
      /\b(?:createHash|digest|sha256|hash)\([^;]{0,120}?\bJSON\.stringify\b/g,
    ))
      findings.push({
        path,
        line: lineAt(text, match.index),
        message:
          '`JSON.stringify` beside hashing: bytes that are hashed come from canonical() (core/canonical.ts)',
      })
  }
  return findings
}

/** Nothing half done or switched off stays behind. */
export function leftovers(tree: Tree): readonly Finding[] {
  const findings: Finding[] = []
  for (const [path, text] of tree) {
    if (path.startsWith('tools/tidy')) continue
    if (/(^|\/)(\.fasten-(keys|spool)|[^/]+\.db-(keys|spool))\//.test(path))
      findings.push({ path, message: 'a run left this behind, and it may be a key: git rm --cached it' })
    const say = (index: number, message: string): void =>
      void findings.push({ path, line: lineAt(text, index), message })
    for (const match of text.matchAll(/\b(?:TODO|FIXME|XXX|HACK)\b(?=[:( ])/g))
      say(match.index, `\`${match[0]}\`: do it now, or file an issue and leave a sentence that is true today`)
    for (const match of text.matchAll(/^(?:<{7}|>{7}) /gm))
      say(match.index, 'a merge was left unfinished here')
    if (!isCode(path)) continue
    const code = blank(text, ['comments', 'strings'])
    for (const match of code.matchAll(/\bdebugger\b/g)) say(match.index, '`debugger`: delete it')
    // In a test, an expected error is a promise: the compiler complains when it does not come.
    const suppressions = isTest(path) ? /@ts-(?:ignore|nocheck)/g : /@ts-(?:ignore|nocheck|expect-error)/g
    for (const match of blank(text, ['strings']).matchAll(suppressions))
      say(match.index, `\`${match[0]}\`: mend the types, or narrow with a check`)
    if (!isTest(path)) continue
    for (const match of code.matchAll(/\.only\(|\bonly:\s*true/g))
      say(match.index, `\`${match[0]}\` hides every other test; delete it`)
    for (const match of code.matchAll(
      /\b(?:test|it|describe|suite)\.(?:skip|todo)\(|\b(?:skip|todo):\s*true|\bt\.(?:skip|todo)\(\s*\)/g,
    ))
      say(match.index, `\`${match[0]}\`: say why, as in \`{ skip: 'needs …' }\`, or delete the test`)
  }
  return findings
}

/** Every file of code opens with its licence; a script's first line may be its interpreter. */
export function licence(tree: Tree): readonly Finding[] {
  const line = '// SPDX-License-Identifier: Apache-2.0'
  return [...tree]
    .filter(([path, text]) => isCode(path) && !text.replace(/^#!.*\n/, '').startsWith(`${line}\n`))
    .map(([path]) => ({ path, line: 1, message: `the first line is \`${line}\`` }))
}

const drawers = /(?:^|\/)(utils?|helpers?|common|lib|misc|shared|stuff)(?:\/|\.[a-z]+$)/

/** Names say what a thing knows. */
export function names(tree: Tree): readonly Finding[] {
  const findings: Finding[] = []
  for (const path of tree.keys()) {
    const drawer = drawers.exec(path)?.[1]
    if (drawer !== undefined && !path.startsWith('spec/vectors/'))
      findings.push({
        path,
        message: `'${drawer}' is a drawer; name the file or folder for what it knows (canonical, cursor, backoff)`,
      })
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (isCode(path) && !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z-]+)*\.(ts|tsx|mts|mjs|js|cjs)$/.test(name))
      findings.push({ path, message: `'${name}': files are kebab-case and named for their main export` })
  }
  return findings
}

/** What must not be found in any file because it is true of one machine only. */
export interface Machine {
  /** Absolute folders: the work tree, its parent, the home folder. */
  readonly folders: readonly string[]
  /** Package registries this machine is set up with. */
  readonly hosts: readonly string[]
}

/** Nothing in the repository depends on, or tells of, the machine it was written on. */
export function noMachine({ folders, hosts }: Machine): (tree: Tree) => readonly Finding[] {
  const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const patterns = [
    ...folders.map((folder) => ({
      pattern: new RegExp(
        `(?<![A-Za-z0-9_.~/-])${escape(folder)}${folder.indexOf('/', 1) === -1 ? '(?=/)' : '(?=/|\\b)(?![A-Za-z0-9_-])'}`,
        'g',
      ),
      remedy:
        'a path of this machine; make it relative, or start from import.meta.url, os.tmpdir() or a temporary folder',
    })),
    ...hosts.map((host) => ({
      pattern: new RegExp(escape(host), 'g'),
      remedy:
        "this machine's package registry; leave it out (`omit-lockfile-registry-resolved` in .npmrc does so in the lockfile)",
    })),
  ]
  return (tree) =>
    [...tree].flatMap(([path, text]) =>
      patterns.flatMap(({ pattern, remedy }) =>
        [...text.matchAll(pattern)].map((match) => ({
          path,
          line: lineAt(text, match.index),
          message: `'${match[0]}': ${remedy}`,
        })),
      ),
    )
}
