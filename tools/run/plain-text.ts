// Guest output for people: without control sequences, so that no guest can drive the user's terminal.

/** Where in an escape sequence the filter is (ECMA-48): outside, after ESC, in CSI, in a string (OSC, DCS …). */
type Place = 'text' | 'escape' | 'control' | 'string' | 'string-escape';

/** Removes control sequences from a stream of bytes, whatever its pieces. Line feeds and tabs pass; carriage returns go. */
export class PlainText {
  private place: Place = 'text';
  private readonly decoder = new TextDecoder();

  filter(bytes: Uint8Array): string {
    const kept: number[] = [];
    for (const byte of bytes) if (this.keeps(byte)) kept.push(byte);
    // C1 controls (U+0080 to U+009F) are control sequences of their own in UTF-8.
    return this.decoder.decode(Uint8Array.from(kept), { stream: true }).replace(/[\u0080-\u009f]/g, '');
  }

  private keeps(byte: number): boolean {
    switch (this.place) {
      case 'text':
        if (byte === 0x1b) this.place = 'escape';
        return byte === 0x0a || byte === 0x09 || (byte >= 0x20 && byte !== 0x7f);
      case 'escape':
        if (byte === 0x5b) this.place = 'control';
        else if ([0x50, 0x58, 0x5d, 0x5e, 0x5f].includes(byte)) this.place = 'string';
        else if (byte < 0x20 || byte > 0x2f) this.place = 'text';
        return false;
      case 'control':
        if (byte >= 0x40 && byte <= 0x7e) this.place = 'text';
        return false;
      case 'string':
        if (byte === 0x07) this.place = 'text';
        else if (byte === 0x1b) this.place = 'string-escape';
        return false;
      case 'string-escape':
        this.place = byte === 0x5c ? 'text' : 'string';
        return false;
      default:
        return this.place satisfies never;
    }
  }
}
