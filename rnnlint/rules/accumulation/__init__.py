"""Whether gradients are summed, shaped, kept and handed on as the equations say."""
