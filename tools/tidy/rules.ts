// SPDX-License-Identifier: Apache-2.0
import { ladder, noCycles, noUnreachable } from './rule-ladder.ts'
import { environment, fleetEnvironment, errorCodes, exportsMap, links, vectors } from './rule-spec.ts'
import { steady } from './rule-tests.ts'
import { banned, leftovers, licence, names, noMachine, type Machine } from './rule-words.ts'
import type { Finding, Rule, Tree } from './tree.ts'

/** Each rule by the sentence that is true when it finds nothing. */
export function rules(machine: Machine): Readonly<Record<string, Rule>> {
  return {
    'imports point down the ladder': ladder,
    'no file needs itself': noCycles,
    'every file is reachable': noUnreachable,
    'time, chance, environment and output are handed in': banned,
    'nothing is left half done': leftovers,
    'tests wait for what others hold': steady,
    'every file of code names its licence': licence,
    'names say what a thing knows': names,
    'nothing tells of the machine it was written on': noMachine(machine),
    'every vector says why it exists': vectors,
    'every error code is explained, and every explained code thrown': errorCodes,
    'every variable is described, and every described variable read': environment,
    'the variables of a fleet are described, and every described one is read': fleetEnvironment,
    'every door of the package leads somewhere': exportsMap,
    'every link leads somewhere': links,
  }
}

/** One line for each finding, as editors understand them: `path:line message`. */
export function tell(findings: readonly Finding[]): string {
  return findings
    .map(({ path, line, message }) => `${path}${line === undefined ? '' : `:${line}`} ${message}`)
    .join('\n')
}

/** A tree from samples: path to text. */
export function treeOf(files: Readonly<Record<string, string>>): Tree {
  return new Map(Object.entries(files))
}
