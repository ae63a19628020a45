// SPDX-License-Identifier: Apache-2.0
import { parse } from 'yaml'
import type { Tree } from '../tidy/tree.ts'
import { code, page, table } from './page.ts'

export interface VariableSpec {
  readonly group: string
  /** The member of `init({…})`; absent for a variable that only the command line reads. */
  readonly option?: string
  readonly type: string
  readonly unit?: string
  readonly default: string
  readonly meaning: string
}

const groups: Readonly<Record<string, string>> = {
  who: 'Who emits',
  where: 'Where rows are kept',
  promise: 'What is promised, and what happens when it cannot be kept',
  proof: 'How it is signed',
  rows: 'What goes into a row',
  output: 'Rings and standard output',
  retention: 'How long rows are kept',
  fleet: 'Where rows are shipped',
  drain: 'How rows reach the store',
  reading: 'Reading',
  register: 'Without a change to the application',
}

export const variablesOf = (tree: Tree): Readonly<Record<string, VariableSpec>> =>
  parse(tree.get('spec/env.yaml') ?? '') as Record<string, VariableSpec>

export function envPage(tree: Tree): string {
  const variables = Object.entries(variablesOf(tree))
  const blocks = Object.entries(groups).map(([group, title]) => {
    const rows = variables.filter(([, variable]) => variable.group === group)
    return `## ${title}\n\n${table(['Variable', 'Value', 'Default', 'Meaning'], rows.map(row))}`
  })
  return page('Environment variables', '[spec/env.yaml](../../spec/env.yaml)', [
    'Each variable is also an option of `init()`, named without `FASTEN_` and in lower case unless the table says otherwise ' +
      '(`FASTEN_NODE_ID` is `init({ node_id })`, or `nodeId`). An option wins over the variable, the variable over the `.env` ' +
      'file. A value that cannot be used stops `init()` at once, naming the variable and what to write instead.',
    ...blocks,
  ])
}

const fleetGroups: Readonly<Record<string, string>> = {
  server: 'The server',
  database: 'Its database',
  access: 'Who may come in',
  nodes: 'Nodes and alarms',
  retention: 'How long rows of nodes are kept',
}

export function fleetEnvPage(tree: Tree): string {
  const variables = Object.entries(
    parse(tree.get('spec/fleet-env.yaml') ?? '{}') as Record<string, VariableSpec>,
  )
  const blocks = Object.entries(fleetGroups)
    .map(([group, title]) => ({ title, rows: variables.filter(([, variable]) => variable.group === group) }))
    .filter(({ rows }) => rows.length > 0)
    .map(
      ({ title, rows }) =>
        `## ${title}\n\n${table(['Variable', 'Value', 'Default', 'Meaning'], rows.map(row))}`,
    )
  return page('Environment variables of a fleet server', '[spec/fleet-env.yaml](../../spec/fleet-env.yaml)', [
    'A value that cannot be used, or a variable with this prefix that nobody reads, stops the start and is named.',
    ...blocks,
  ])
}

function row([name, { option, type, unit, default: otherwise, meaning }]: [string, VariableSpec]): string[] {
  const expected = name.replace('FASTEN_', '').toLowerCase()
  const alias = option === undefined || option === expected ? '' : ` Option: ${code(option)}.`
  const shown =
    /^(none|true|false|[\d.,a-z_]+)$/.test(otherwise) && otherwise !== 'none' ? code(otherwise) : otherwise
  return [code(name), unit === undefined ? type : `${type} (${unit})`, shown, `${meaning}${alias}`]
}
