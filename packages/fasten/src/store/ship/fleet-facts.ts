// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import { parseVerifierKey, type VerifierKey } from '../../core/verifier-key.ts'
import { sha256 } from '../platform.ts'
import { answerFault, FleetFault, type FleetAnswer, type FleetClient } from './fleet-client.ts'

/** What a fleet says of itself. Source: spec/fleet.md#who-a-node-is. */
export interface FleetFacts {
  readonly name: string
  /** The key that it cosigns with. */
  readonly witness: VerifierKey
  /** Of one request. */
  readonly limits: {
    readonly unpacked_bytes: number
    readonly sections: number
    readonly rows: number
  }
}

/** Asks the fleet who it is. Throws a `FleetFault`. */
export async function askFacts(client: FleetClient, signal: AbortSignal): Promise<FleetFacts> {
  return factsOf(await client.ask({ method: 'GET', path: '' }, signal), client.at)
}

function factsOf({ protocol, name, witness_vkey, limits }: FleetAnswer, at: string): FleetFacts {
  if (protocol !== 'fasten-fleet/1' || typeof name !== 'string' || typeof witness_vkey !== 'string')
    throw new FleetFault('never', answerFault(at, 'it does not say so'))
  try {
    const witness = parseVerifierKey(witness_vkey, sha256)
    if (witness.kind === 'cosignature/v1') return { name, witness, limits: limitsOf(limits) }
  } catch (error) {
    if (!(error instanceof FastenError)) throw error
  }
  throw new FleetFault('never', answerFault(at, `"${witness_vkey.slice(0, 120)}" is no key of a witness`))
}

/** Without a word of the fleet, what spec/fleet.md#rows names. */
function limitsOf(limits: unknown): FleetFacts['limits'] {
  const said = (typeof limits === 'object' && limits !== null ? limits : {}) as Readonly<
    Record<string, unknown>
  >
  const least = (name: string, otherwise: number): number => {
    const value = said[name]
    return typeof value === 'number' && value >= 1 ? value : otherwise
  }
  return {
    unpacked_bytes: least('unpacked_bytes', 64 << 20),
    sections: least('sections', 256),
    rows: least('rows', 50_000),
  }
}
