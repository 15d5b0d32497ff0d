// Every rule that a manifest can break, by its stable code. tests/manifest/bad has one fixture per code.

export const diagnosticCodes = {
  // The file as YAML.
  'manifest-unreadable': 'The manifest cannot be read.',
  'yaml-syntax': 'The file is not YAML.',
  'yaml-version': 'The manifest is YAML 1.2; another version is declared.',
  'duplicate-key': 'A key appears twice in one mapping.',
  'set-syntax': 'A `--set` is not `path=value`.',
  'set-path': 'The path of a `--set` leads through something that has no fields.',
  // Shape.
  'schema-version': 'The schema version is not one that this microvisor reads.',
  'unknown-key': 'No such field here.',
  'missing-key': 'A required field is absent.',
  'wrong-type': 'A value of another kind is needed.',
  'wrong-unit': 'The unit is missing or belongs to another quantity.',
  'out-of-range': 'A number, or the length of a list, is outside its range.',
  'unknown-choice': 'The field takes one of a few words, and this is none of them.',
  'bad-name': 'Names are letters, digits, `-` and `_`, begin with a letter and have at most 63 characters.',
  'listed-twice': 'A list that is a set names something twice.',
  'no-cells': 'A system has at least one cell.',
  // References.
  'unknown-cell': 'No cell has this name.',
  'unknown-region': 'No region has this name.',
  'unknown-device': 'No device has this name.',
  'unknown-channel': 'No channel has this name.',
  'unknown-mode': 'The schedule has no mode of this name.',
  'unknown-hart': 'The machine has no such hart.',
  'unknown-image': 'No declared image has this name, and it is not a path.',
  // Channels.
  'duplicate-channel': 'Two channels have the same name.',
  'channel-ends': 'A channel has either `ends`, or `from` and `to`; calls and samples have a direction.',
  'channel-to-itself': 'A channel joins two different cells.',
  'channel-not-here': 'A device of a VM uses a channel that does not end at that VM.',
  'channel-used-twice': 'Two devices of a VM use the same channel.',
  'channel-type': 'A virtio device needs another type of channel.',
  'too-many-channels': 'A cell has at most 63 channels.',
  'rpc-with-vm': 'A VM cell cannot call or be called.',
  'not-a-power-of-two': 'The size of a ring is a power of two.',
  // Memory.
  misaligned: 'An address or size is not a multiple of the page size.',
  'map-overlap': 'Two mappings, or a mapping and memory of the cell itself, overlap.',
  'map-outside': 'A mapping lies outside the addresses that a cell has.',
  'write-and-execute': 'Memory is writable and executable.',
  'read-only-region': 'A region that is not writable is mapped for writing.',
  'prefill-too-large': 'The content of a region is larger than the region.',
  'ram-exceeded': 'The cells, regions and channels need more RAM than the machine has.',
  // Devices.
  'device-owned-twice': 'A device belongs to one cell.',
  'irq-owned-twice': 'Two devices use the same interrupt.',
  'irq-reserved': "The interrupt belongs to one of the machine's own devices.",
  'backing-missing': 'A `block-file` device has no backing file.',
  // Time.
  'budget-over-period': 'A budget is larger than its period.',
  'hart-overcommitted': 'The budgets on a hart add up to more than the hart.',
  'budget-over-window': 'A budget is more than the windows of its cell give.',
  'window-order': 'Windows are not in order.',
  'window-overlap': 'Two windows overlap.',
  'window-outside-frame': 'A window ends after its frame.',
  'window-foreign-cell': 'A window names a cell that has no thread on its hart.',
  'window-sets-overlap': 'Cells that share one window of a hart share all of them: a window is one domain.',
  'never-runs': 'A cell on a windowed hart has no window in any mode.',
  'timebase-over-clock': 'The clock is not a multiple of the timebase.',
  // Calls.
  'callee-not-more-urgent': 'The answering cell of an `rpc` is not more urgent than the caller.',
  'call-cycle': 'Cells call each other in a circle.',
  'priority-reserved': 'The priority leaves no room for the monitor of a VM above its vCPUs.',
  // Health.
  unsupervised: 'A cell is to be restarted or watched, and no cell supervises it.',
  'supervised-twice': 'Two cells supervise the same cell.',
  'supervision-cycle': 'Supervision goes round in a circle: it has no root.',
  'backoff-range': 'Policy backoff needs `min` and `max`, the first not larger; other policies have neither.',
  'then-without-limit': '`then` says what follows when `limit` is exceeded, and there is no `limit`.',
  // Images.
  'image-missing': 'There is no such file.',
  'image-unreadable': 'The file cannot be read.',
  'image-hash': 'The file is not the one that the manifest expects.',
  'image-format': 'The file is no image of the kind that is needed.',
  'image-class': 'The ELF is not a 64-bit little-endian one.',
  'image-architecture': 'The image is for another processor.',
} as const;

export type DiagnosticCode = keyof typeof diagnosticCodes;
