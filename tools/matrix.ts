// SPDX-License-Identifier: Apache-2.0
/**
 * The packed library on every Node.js it promises to support: oldest, newest of each line. Each Node.js comes from npm into
 * .cache (this needs a network the first time); in each, the user's project of the package test records rows as an ES module
 * and as CommonJS, and the installed command verifies them.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './setup/root.mjs'
import { packStaged, stagePackage } from './stage-package.ts'

/** Versions or ranges; the first is the lower bound of `engines` in packages/fasten/package.json. */
const wanted = process.argv.length > 2 ? process.argv.slice(2) : ['22.14.0', '22', '24', '26']
const distribution = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`

const folder = mkdtempSync(join(tmpdir(), 'fasten-matrix-'))
try {
  stagePackage(root, join(folder, 'package'))
  const tarball = packStaged(join(folder, 'package'), folder).path
  for (const range of wanted) {
    const node = fetchNode(range)
    const version = node === undefined ? 'not available' : out(node, ['--version'], folder).stdout.trim()
    const problems =
      node === undefined ? [`${distribution}@${range} could not be fetched`] : tryOut(node, tarball, range)
    console.log(`${problems.length === 0 ? 'ok     ' : 'FAILED '} ${range.padEnd(8)} ${version}`)
    for (const problem of problems) console.log(problem)
    if (problems.length > 0) process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** The path of a Node.js of that version, fetched when .cache has none; undefined when it cannot be had. */
function fetchNode(range: string): string | undefined {
  const home = join(root, '.cache/nodes', range)
  const path = join(
    home,
    'node_modules',
    distribution,
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  )
  if (existsSync(path)) return path
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n')
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--prefix', home]
  const installed = out('npm', ['install', `${distribution}@${range}`, ...options], home)
  return installed.status === 0 && existsSync(path) ? path : undefined
}

/** What went wrong, each with the output; empty when all went well. */
function tryOut(node: string, tarball: string, range: string): string[] {
  const project = join(folder, `project-${range}`)
  cpSync(join(root, 'tools/fixtures/user-project'), project, { recursive: true })
  const install = out(
    'npm',
    ['install', tarball, '--ignore-scripts', '--offline', '--no-audit', '--no-fund'],
    project,
  )
  const command = join(project, 'node_modules/fasten/dist/cli/main.js')
  const steps = [
    ['use.mjs'],
    ['use.cjs'],
    [command, 'verify', '--store', 'from-esm.db'],
    [command, 'verify', '--store', 'from-cjs.db'],
    [command, 'doctor', '--store', 'from-esm.db'],
  ]
  return [
    ...(install.status === 0 ? [] : [install.text]),
    ...steps.flatMap((step) => {
      const { status, text } = out(node, step, project)
      return status === 0 ? [] : [`  ${step.join(' ').replace(project, '.')} ended with ${status}:\n${text}`]
    }),
  ]
}

interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly text: string
}

function out(command: string, args: readonly string[], cwd: string): Outcome {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 300_000 })
  return { status, stdout, text: `${stdout}${stderr}` }
}
