// The LAPACK routines that are used, declared by hand: Debian's OpenBLAS has no lapacke.h. Column-major, Fortran calling convention.
#pragma once

#include <complex>

extern "C" {
/// Cholesky factor of the upper (or lower) triangle; info > 0: the leading minor of that order is not positive definite.
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
/// The same for a Hermitian matrix of complex numbers.
void zpotrf_(const char* uplo, const int* n, std::complex<double>* a, const int* lda, int* info);
/// Selected eigenpairs of a symmetric tridiagonal matrix.
void dstevx_(const char* jobz, const char* range, const int* n, double* d, double* e, const double* vl, const double* vu, const int* il,
             const int* iu, const double* abstol, int* m, double* w, double* z, const int* ldz, double* work, int* iwork, int* ifail, int* info);
}
