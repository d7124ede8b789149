package senhasegura_test

// certificateSum is the SHA-256 of certificateDER, which stands for a
// certificate: nothing reads it but the hash.
const (
	certificateDER = "a certificate in DER"
	certificateSum = "68ebe6f9ff6bb627593f985e9aeef7a72f2387912dbfe13b7c4cbcea3a713345"
)
