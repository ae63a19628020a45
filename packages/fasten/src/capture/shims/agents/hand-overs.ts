// SPDX-License-Identifier: Apache-2.0
import type { Outcome } from '../../../core/row.ts'
import type { AgentCode } from './agent-codes.ts'
import { present, type AgentRows, type OpenRow } from './agent-rows.ts'
import type { ApprovalRefs } from './approval-refs.ts'
import type { DigestOf } from './digest.ts'
import { failureOf } from './failure.ts'
import { recordedValue, type ValuePolicy } from './recorded-value.ts'
import type { AskedCall } from './run.ts'

export interface OpenDelegation extends OpenRow {
  succeeded(): void
  failed(error: unknown): void
}

export interface ApprovalRequest {
  readonly tool: string
  readonly args?: unknown
  readonly callRef?: string
  readonly causedBy?: string
  readonly agent?: string
  readonly reason?: string
  /** Default `hash`. */
  readonly policy?: ValuePolicy
}

export interface ApprovalDecision {
  readonly tool: string
  /** Who decided. */
  readonly by: string
  readonly reason?: string
  readonly callRef?: string
  /** The row of the request. */
  readonly request?: string
  readonly argsHash?: string
  readonly waitedMs?: number
}

/** What an agent leaves to others: work to another agent, decisions to people. */
export interface HandOvers {
  /** The current agent, or `agent`, hands work to `to`; run it with `within`, or send the ids along (fasten/carrier). */
  startDelegation(to: string, causedBy?: string, agent?: string): OpenDelegation
  /** Answers the row's id and the digest of the arguments. */
  approvalRequested(request: ApprovalRequest): { readonly id: string | undefined; readonly argsHash: string }
  /** Answers the row's id. */
  approvalGranted(decision: ApprovalDecision): string | undefined
  approvalDenied(decision: ApprovalDecision): string | undefined
}

/** `askedFor` knows which model call asked for a tool; `approvals` is told which rows are requests and grants. */
export function createHandOvers({
  rows,
  approvals,
  digest,
  askedFor,
}: {
  readonly rows: AgentRows
  readonly approvals: ApprovalRefs
  readonly digest: DigestOf
  askedFor(callRef: string): AskedCall | undefined
}): HandOvers {
  const { begin, emit } = rows
  return {
    startDelegation(to, causedBy, agent) {
      const open = begin(causedBy)
      const end = (outcome: Outcome, failure: object): void =>
        open.end(() =>
          emit(open, 'AGENT_DELEGATED', outcome, agent, {
            target: to,
            target_kind: 'agent',
            detail: { to, ...failure },
          }),
        )
      return {
        ...open.row,
        succeeded: () => end('success', {}),
        failed: (error) => end('failure', failureOf(error, digest)),
      }
    },

    approvalRequested(request) {
      const { tool, callRef, reason } = request
      const asked = callRef === undefined ? undefined : askedFor(callRef)
      const open = begin(request.causedBy ?? asked?.row, asked)
      // Asked without arguments, it is about the call, whatever they are; that is not the digest of nothing.
      const policy = Object.hasOwn(request, 'args') ? (request.policy ?? 'hash') : 'none'
      const { hash: argsHash, value } = recordedValue(request.args, policy, digest)
      open.end(() =>
        emit(open, 'APPROVAL_REQUESTED', 'success', request.agent, {
          target: tool,
          target_kind: 'tool',
          ...present({ call_ref: callRef, reason }),
          detail: { tool, args_hash: argsHash, ...present({ arguments: value }) },
        }),
      )
      approvals.requested(callRef, open.row.id)
      return { id: open.row.id, argsHash }
    },
    approvalGranted: (decision) => decided('APPROVAL_GRANTED', 'success', decision),
    approvalDenied: (decision) => decided('APPROVAL_DENIED', 'denied', decision),
  }

  function decided(code: AgentCode, outcome: Outcome, decision: ApprovalDecision): string | undefined {
    const { tool, by, callRef, reason, request, argsHash, waitedMs } = decision
    const open = begin(request ?? approvals.requestOf(callRef))
    open.end(() =>
      emit(open, code, outcome, undefined, {
        actor: by,
        actor_kind: 'user',
        target: tool,
        target_kind: 'tool',
        ...present({ call_ref: callRef, reason }),
        detail: { tool, ...present({ args_hash: argsHash, waited_ms: waitedMs }) },
      }),
    )
    if (code === 'APPROVAL_GRANTED') approvals.granted(callRef, open.row.id)
    return open.row.id
  }
}
