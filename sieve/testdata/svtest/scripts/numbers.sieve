if size :over 18446744073709551616 { keep; }
if size :over 17179869184G { keep; }
if size :over 18014398509481984K { keep; }
if size :over 99999999999999999999999 { keep; }
