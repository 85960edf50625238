"""x86-64 machine code as the types of code fault see it: decoded on the host, by capstone."""
