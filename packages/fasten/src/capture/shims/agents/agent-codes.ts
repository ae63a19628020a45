// SPDX-License-Identifier: Apache-2.0
import type { CodeMetaInput } from '../../../core/code.ts'

/** The domain that the codes of agents belong to. */
export const agentDomain = 'agent'

const toolKeys = [
  'tool',
  'risk',
  'args_hash',
  'result_hash',
  'latency_ms',
  'server',
  'transport',
  'approved_by',
  'ended_early',
  'yields',
] as const
const errorKeys = ['error', 'error_code', 'error_hash'] as const

/** What rows of a tool say, however it ended. */
const toolProperties = {
  tool: 'string',
  risk: {
    type: 'string',
    description: 'what the application says of the tool; unrated when it says nothing',
  },
  args_hash: {
    type: 'string',
    description: 'digest of the canonical JSON of the arguments; none when the policy keeps nothing',
  },
  result_hash: {
    type: 'string',
    description: 'the same of the result',
  },
  latency_ms: 'number',
  server: {
    type: 'string',
    description: 'the server that has the tool',
  },
  transport: 'string',
  approved_by: {
    type: 'string',
    description: 'the row that granted it',
  },
  ended_early: {
    type: 'boolean',
    description: 'the caller stopped listening before the tool had ended',
  },
  yields: {
    type: 'integer',
    description: 'values of a tool that answers in parts',
  },
} as const
const errorProperties = {
  error: {
    type: 'string',
    description: 'class of what went wrong',
  },
  error_code: 'string',
  error_hash: {
    type: 'string',
    description: 'digest of the message',
  },
} as const

/**
 * The codes that the recorder emits, registered when it first does. They are those of catalog/agent.codes.yaml, word for word: whoever loads that
 * file as well registers the same thing twice, which is harmless.
 */
export const agentCodes = {
  TOOL_CALLED: {
    description: 'A model used a tool; digests stand for what went in and came out.',
    category: 'tool',
    action: 'agent.tool.call',
    severity: 'info',
    retention_class: 'long',
    pii_in_detail: true,
    pii_subject: 'on_behalf_of',
    detail_passthrough_keys: [...toolKeys, 'input_required', ...errorKeys],
    detail: {
      required: ['tool', 'risk', 'args_hash', 'result_hash'],
      properties: {
        ...toolProperties,
        input_required: {
          type: 'boolean',
          description: 'the tool wanted to know something first: one round of a call, which may go on',
        },
        ...errorProperties,
        arguments: {},
        result: {},
      },
    },
  },
  TOOL_FAILED: {
    description:
      'A tool that a model used failed, or was broken off; what it may have done before is not known.',
    category: 'tool',
    action: 'agent.tool.fail',
    severity: 'warn',
    retention_class: 'long',
    pii_in_detail: true,
    pii_subject: 'on_behalf_of',
    detail_passthrough_keys: [...toolKeys, ...errorKeys],
    detail: {
      required: ['tool', 'risk', 'args_hash'],
      properties: {
        ...toolProperties,
        ...errorProperties,
        arguments: {},
        result: {},
      },
    },
  },
  MODEL_CALLED: {
    description:
      'A model was asked and answered, or failed to; what it used and what that cost. Never what was said, unless a policy asks for it.',
    category: 'model',
    action: 'agent.model.call',
    severity: 'info',
    retention_class: 'long',
    high_volume: true,
    pii: ['detail.input', 'detail.output'],
    pii_subject: 'on_behalf_of',
    detail: {
      required: ['model', 'latency_ms'],
      properties: {
        model: {
          type: 'string',
          description: 'the model that answered, as its provider names it',
        },
        model_requested: {
          type: 'string',
          description: 'the model that was asked for, where that is another name',
        },
        provider: 'string',
        operation: {
          type: 'string',
          description: 'chat, responses, embeddings, …',
        },
        latency_ms: 'number',
        first_output_ms: {
          type: 'number',
          description: 'until the first part of a streamed answer',
        },
        is_streamed: 'boolean',
        is_aborted: {
          type: 'boolean',
          description: 'the caller stopped listening before the answer had ended',
        },
        attempt: {
          type: 'integer',
          description: 'from the second on: the client has tried before, and each try has its row',
        },
        finish_reason: 'string',
        tools_asked: {
          type: 'integer',
          description: 'tool calls that the answer asks for',
        },
        input_tokens: {
          type: 'integer',
          description: 'all of the input, with what was cached',
        },
        output_tokens: {
          type: 'integer',
          description: 'all of the output, with what was reasoned',
        },
        cached_tokens: {
          type: 'integer',
          description: 'those of the input that were read from a cache',
        },
        cache_write_tokens: {
          type: 'integer',
          description: 'those of the input that were written to a cache',
        },
        reasoning_tokens: {
          type: 'integer',
          description: 'those of the output that nobody sees',
        },
        usage_unknown: {
          type: 'boolean',
          description: 'the answer did not say what it used',
        },
        cost_usd: {
          type: 'number',
          description: 'by the table, not by the bill',
        },
        cost_unknown: {
          type: 'boolean',
          description: 'there is no table, no rate for the model, or no usage',
        },
        price_table: {
          type: 'string',
          description: 'the table and its version',
        },
        error: 'string',
        error_code: 'string',
        error_hash: 'string',
        input_hash: 'string',
        output_hash: 'string',
        input: {},
        output: {},
      },
    },
  },
  AGENT_DELEGATED: {
    description: 'An agent had another one do a part of the work; its rows name this one as their cause.',
    category: 'delegation',
    action: 'agent.delegate',
    severity: 'info',
    retention_class: 'long',
    detail: {
      required: ['to'],
      properties: {
        to: 'string',
        latency_ms: 'number',
        error: 'string',
        error_code: 'string',
        error_hash: 'string',
      },
    },
  },
  APPROVAL_REQUESTED: {
    description: 'An agent wants to use a tool and must be let.',
    category: 'oversight',
    action: 'agent.approval.request',
    severity: 'info',
    retention_class: 'regulated',
    pii_in_detail: true,
    pii_subject: 'on_behalf_of',
    detail_passthrough_keys: ['tool', 'args_hash'],
    detail: {
      required: ['tool', 'args_hash'],
      properties: {
        tool: 'string',
        args_hash: 'string',
        arguments: {},
      },
    },
  },
  APPROVAL_GRANTED: {
    description: 'Somebody let an agent use a tool, once.',
    category: 'oversight',
    action: 'agent.approval.grant',
    severity: 'info',
    retention_class: 'regulated',
    detail: {
      required: ['tool'],
      properties: {
        tool: 'string',
        args_hash: 'string',
        waited_ms: 'number',
      },
    },
  },
  APPROVAL_DENIED: {
    description: 'Somebody did not let an agent use a tool.',
    category: 'oversight',
    action: 'agent.approval.deny',
    severity: 'warn',
    retention_class: 'regulated',
    detail: {
      required: ['tool'],
      properties: {
        tool: 'string',
        args_hash: 'string',
        waited_ms: 'number',
      },
    },
  },
} as const satisfies Readonly<Record<string, CodeMetaInput>>

export type AgentCode = keyof typeof agentCodes
