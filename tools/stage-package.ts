// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What is published besides package.json; nothing else gets in. */
const published = ['dist', 'catalog', 'verify.mjs', 'README.md']

/** Conditions and members that only this repository knows; `private` keeps anybody from publishing the unbuilt folder. */
const forUsOnly = 'fasten-source'
const droppedMembers = ['devDependencies', 'scripts', 'private']

export interface Packed {
  /** The tarball. */
  readonly path: string
  readonly version: string
  /** As npm unpacks them. */
  readonly files: readonly { readonly path: string; readonly size: number }[]
  readonly unpackedBytes: number
}

/**
 * Puts the package together as users get it, in `folder`: the built files, the catalogue, the licence, and a manifest without
 * our development parts (the door to the sources does not exist in a tarball). `npm publish` is run from there.
 */
export function stagePackage(root: string, folder: string): void {
  const home = join(root, 'packages/fasten')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const name of published)
    if (existsSync(join(home, name))) cpSync(join(home, name), join(folder, name), { recursive: true })
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as Record<string, unknown>
  for (const member of droppedMembers) delete manifest[member]
  for (const member of ['exports', 'imports']) manifest[member] = withoutOurCondition(manifest[member])
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

function withoutOurCondition(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(([name]) => name !== forUsOnly)
  return Object.fromEntries(members.map(([name, member]) => [name, withoutOurCondition(member)]))
}

/** Packs a staged folder into a tarball in `destination`, with no network and no scripts. */
export function packStaged(folder: string, destination: string): Packed {
  mkdirSync(destination, { recursive: true })
  const result = spawnSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', destination],
    {
      cwd: folder,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    },
  )
  if (result.status !== 0) throw new Error(`npm pack failed: ${result.stderr}`)
  const [packed] = JSON.parse(result.stdout) as PackReport[]
  if (packed === undefined) throw new Error('npm pack reported nothing')
  const { filename, version, files, unpackedSize } = packed
  return { path: join(destination, filename), version, files, unpackedBytes: unpackedSize }
}

interface PackReport {
  readonly filename: string
  readonly version: string
  readonly files: readonly { readonly path: string; readonly size: number }[]
  readonly unpackedSize: number
}
