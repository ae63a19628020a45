// SPDX-License-Identifier: Apache-2.0
import type { ApprovalRequest } from './hand-overs.ts'
import type { AgentRecorder } from './recorder.ts'
import { isRowId } from '../../../core/ids.ts'
import { checkedPolicy } from './recorded-value.ts'
import { underGrant } from './run.ts'

/** Who decides, and why. */
export interface Decision {
  /** The person, as they were authenticated. */
  readonly by: string
  readonly reason?: string
}

/** A decision on a request that was made elsewhere: by the row that it left. */
export interface DecisionOn extends Decision {
  /** The id of the row APPROVAL_REQUESTED, where it is known. */
  readonly request?: string
  readonly tool: string
  readonly callRef?: string
}

/** A request that waits for a person. It is decided once; a second decision is a `TypeError`. */
export interface PendingApproval {
  /** The id of its row, which a decision elsewhere names; undefined while fasten is not started. */
  readonly id: string | undefined
  /** Answers the id of the row APPROVAL_GRANTED: what the tool's row names as `approved_by`. */
  grant(decision: Decision): string | undefined
  deny(decision: Decision): string | undefined
}

/** A person lets an agent use a tool, or does not. Rows tell of it; whether the tool is then run is the application's doing. */
export interface Approval {
  request(request: ApprovalRequest): PendingApproval
  grant(decision: DecisionOn): string | undefined
  deny(decision: DecisionOn): string | undefined
  /**
   * Runs `work` under a grant that was given elsewhere, in another process too: tools that it calls, not those that these call, name the row as `approved_by`. `fasten agents
   * tree` says whether that row is there and grants the tool. Returns, throws, resolves and rejects as `work` does.
   */
  under<T>(grant: string, work: () => T): T
}

export function createApproval(recorder: AgentRecorder): Approval {
  return {
    request(request) {
      if (typeof request.tool !== 'string' || request.tool === '')
        throw new TypeError('approval.request() needs the name of the tool')
      if (request.policy !== undefined) checkedPolicy(request.policy, 'policy')
      const { id, argsHash } = recorder.approvalRequested(request)
      const startedAt = performance.now()
      let isDecided = false
      const facts = (decision: Decision): Parameters<AgentRecorder['approvalGranted']>[0] => {
        if (isDecided) throw new TypeError(`the approval of "${request.tool}" is decided already`)
        const checked = checkedDecision(decision)
        isDecided = true
        return {
          ...checked,
          tool: request.tool,
          argsHash,
          waitedMs: Math.round(performance.now() - startedAt),
          ...(request.callRef === undefined ? {} : { callRef: request.callRef }),
          ...(id === undefined ? {} : { request: id }),
        }
      }
      return {
        id,
        grant: (decision) => recorder.approvalGranted(facts(decision)),
        deny: (decision) => recorder.approvalDenied(facts(decision)),
      }
    },
    grant: (decision) => recorder.approvalGranted(checkedDecision(decision)),
    deny: (decision) => recorder.approvalDenied(checkedDecision(decision)),
    under(grant, work) {
      if (typeof grant !== 'string' || !isRowId(grant))
        throw new TypeError('approval.under() needs the id of the row APPROVAL_GRANTED')
      return underGrant(grant, work)
    },
  }
}

/** A decision that nobody made proves nothing. */
function checkedDecision<T extends Decision>(decision: T): T {
  if (
    typeof decision !== 'object' ||
    decision === null ||
    typeof decision.by !== 'string' ||
    decision.by === ''
  )
    throw new TypeError('an approval is decided by somebody: give `by`')
  return decision
}
